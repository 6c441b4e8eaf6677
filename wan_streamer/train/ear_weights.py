"""`python -m wan_streamer.train.ear_weights --out FILE`: the pretrained ear's weights out of their package."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from rich.console import Console
from torch import Tensor, nn

from wan_streamer.errors import InvalidInput
from wan_streamer.model.ear import UNIT_SAMPLES, Ear, EarStem, TimeConv
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.package import Package
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.data.sources.recipes import speech_embedding

MODELS = Path("openwakeword", "resources", "models")
MEL_FILE, NETWORK_FILE = MODELS / "melspectrogram.onnx", MODELS / "embedding_model.onnx"
MEL_FILTERS = "1.melW"
# Units of silence after which every layer has forgotten how it began.
SETTLING_UNITS = 8
AUTHORS = (
    "speech embedding: James Lin, Kevin Kilgour, Dominik Roblek, Matthew Sharifi, Google Research (arXiv 2002.01322, "
    "tfhub.dev/google/speech_embedding/1); as ONNX with its mel front end: David Scripka (openWakeWord)"
)


@dataclass(frozen=True, kw_only=True)
class EarWeightsOptions:
    """Write the pretrained ear's weights, fetching the package they are in if it is not there."""

    out: Path
    """Safetensors file to write."""
    cache: Path = field(default_factory=default_root)
    """Folder of the cache of fetched packages."""


def write_ear_weights(options: EarWeightsOptions, console: Console) -> None:
    """Does it: the network's weights in float16; the mel filters, and what layers hear of silence, in float32.

    Raises:
        InvalidInput: the package cannot be fetched or is damaged, or `onnx` is missing; nothing is written then.
    """
    (package,) = speech_embedding().packages
    ear = ear_from_package(DataCache(options.cache).fetch(package), weights_dtype=torch.float16)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    replace_file(options.out, packed(ear, package))
    size_kb = options.out.stat().st_size / 1000
    console.print(f"wrote {options.out}, {size_kb:.0f} kB", highlight=False, markup=False, soft_wrap=True)


def packed(ear: Ear, package: Package) -> bytes:
    """The file's content; parameters, which were rounded to float16, are written so."""
    halves = {name for name, _ in ear.named_parameters()}
    tensors = {name: tensor.half() if name in halves else tensor for name, tensor in ear.state_dict().items()}
    origin = {"package": f"{package.name} {package.version}", "file": package.file_name, "sha256": package.sha256}
    return safetensors.torch.save(tensors, {"kind": "ear", **origin, "licence": package.licence, "authors": AUTHORS})


def ear_from_package(folder: Path, *, weights_dtype: torch.dtype = torch.float32) -> Ear:
    """The ear in float32, its weights rounded to `weights_dtype`, out of the unpacked package.

    Raises:
        InvalidInput: WEIGHTS_DAMAGED (the files are missing or other ones), MISSING_EXTRA (`onnx`).
    """
    ear = Ear()
    try:
        ear.mel.filters.copy_(_arrays(_graph(folder / MEL_FILE))[MEL_FILTERS])
        _fill_network(ear, _graph(folder / NETWORK_FILE))
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise InvalidInput(
            f"got {folder} without the expected ONNX files ({error!r}), expected those of {MEL_FILE.parent}; "
            "delete the folder and say it again",
            reason="WEIGHTS_DAMAGED",
        ) from error
    for parameter in ear.parameters():
        parameter.copy_(parameter.to(weights_dtype))
    settle(ear)
    return ear


def settle(ear: Ear) -> None:
    """Sets what each layer hears of endless silence, where streams begin, to what the weights make of it."""
    layers = [layer for layer in ear.modules() if isinstance(layer, TimeConv)]

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        heard[layer] = inputs[0][0, :, -1:]

    heard: dict[nn.Module, Tensor] = {}
    hooks = [layer.register_forward_pre_hook(keep) for layer in layers]
    ear(torch.zeros(1, SETTLING_UNITS * UNIT_SAMPLES))
    for hook in hooks:
        hook.remove()
    for layer in layers:
        layer.silence.copy_(heard[layer])


def _fill_network(ear: Ear, graph: Any) -> None:
    """Copies the weights; the convolutions of file and module come in the same order."""
    arrays = _arrays(graph)
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    modules = [module for module in ear.layers.modules() if isinstance(module, nn.Conv2d)]
    for module, node in zip(modules, nodes, strict=True):
        for parameter, name in zip(module.parameters(), node.input[1:], strict=True):
            parameter.copy_(arrays[name])
    (stem,) = (module for module in ear.layers if isinstance(module, EarStem))
    (norm,) = (node for node in graph.node if node.op_type == "BatchNormalization")
    gain, shift, mean, variance = (arrays[name][:, None, None] for name in norm.input[1:])
    (epsilon,) = (attribute.f for attribute in norm.attribute if attribute.name == "epsilon")
    scale = gain * torch.rsqrt(variance + epsilon)
    stem.scale.copy_(scale)
    stem.shift.copy_(shift - mean * scale)


def _graph(path: Path) -> Any:
    """The graph of an ONNX file.

    Raises:
        InvalidInput: MISSING_EXTRA.
        ValueError: it is no ONNX file.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise InvalidInput(
            "got no onnx, expected it to read the ear's weights; python -m pip install 'wan-streamer[train]'",
            reason="MISSING_EXTRA",
        ) from error
    try:
        return onnx.load(path).graph
    except DecodeError as error:
        raise ValueError(f"{path.name} is no ONNX file") from error


def _arrays(graph: Any) -> dict[str, Tensor]:
    from onnx import numpy_helper

    return {array.name: torch.from_numpy(numpy_helper.to_array(array).copy()) for array in graph.initializer}


if __name__ == "__main__":
    sys.exit(run_program(EarWeightsOptions, write_ear_weights))
