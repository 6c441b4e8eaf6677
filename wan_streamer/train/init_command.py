"""`python -m wan_streamer.train.init_command`: what `wan-streamer init` starts."""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import safetensors.torch
from rich.console import Console
from rich.progress import track
from torch import Tensor
from tyro.conf import arg

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.model_weights import metadata_of
from wan_streamer.model.presets import preset
from wan_streamer.model.qwen3 import Qwen3Checkpoint, new_tensors
from wan_streamer.model.vocabulary import read_vocabulary
from wan_streamer.train.data.sources.atomic import atomic_file, replace_file
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.qwen3_vocabulary import with_own_tokens

SUFFIX = ".safetensors"


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """Start the Transformer from the text model of a Qwen3 checkpoint; all else is new."""

    qwen3: Annotated[Path, arg(metavar="DIR")]
    """Folder of a dense Qwen3 checkpoint as transformers saves it, with its tokenizer.json."""
    out: Annotated[Path, arg(aliases=["-o"], metavar="FILE")]
    """Weights to write, NAME.safetensors; NAME-vocabulary.json comes beside them: its tokenizer with our two tokens."""
    preset: str = "v0_1"
    """What gives all but the backbone, whose sizes are the checkpoint's: a preset, or other weights."""
    seed: int = 0
    """Seed of what is new."""


def init(options: InitOptions, console: Console) -> None:
    """Writes weights that training begins with, and their vocabulary.

    Raises:
        InvalidInput: the checkpoint is no Qwen3, not whole, or its tokenizer does not fit; or a wrong option.
        OSError: a file cannot be written; those that were there stay.
    """
    _check_out(options)
    base = preset(options.preset)
    checkpoint = Qwen3Checkpoint(options.qwen3)
    text = with_own_tokens(options.qwen3 / "tokenizer.json", checkpoint.backbone.vocabulary_size)
    vocabulary = options.out.with_name(options.out.stem + "-vocabulary.json").resolve()
    config = dataclasses.replace(base, backbone=checkpoint.backbone, vocabulary=str(vocabulary))

    read = track(
        checkpoint.tensors(),
        total=len(checkpoint.names),
        description="reading",
        console=console,
        disable=not console.is_terminal,
    )
    taken = dict(read)
    new = new_tensors(config, options.seed, taken["text_embedding.weight"].dtype)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    replace_file(vocabulary, text.encode())
    with console.status(f"writing {options.out}"):
        about = {"checkpoint": options.qwen3.resolve().name, "seed": str(options.seed), "steps": "0"}
        _write(options.out, taken | new, metadata_of(config, about))
    _summarise(options, config, taken, new, console)


def _check_out(options: InitOptions) -> None:
    if options.out.suffix != SUFFIX or options.out.parent.resolve() == options.qwen3.resolve():
        raise InvalidInput(
            f"got --out {options.out}, expected a file *{SUFFIX} outside the checkpoint's folder; name another",
            reason="OUT",
        )


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """From where the tensors lie, without a copy of them all in memory."""
    with atomic_file(path) as file:
        part = Path(file.name)
        mode = part.stat().st_mode
        safetensors.torch.save_file(tensors, part, metadata)
        # The library puts another file in its place, which nobody but its owner may read.
        part.chmod(mode)


def _summarise(
    options: InitOptions, config: ModelConfig, taken: dict[str, Tensor], new: dict[str, Tensor], console: Console
) -> None:
    old_count, new_count = (sum(tensor.numel() for tensor in part.values()) / 1e6 for part in (taken, new))
    dtype = str(taken["text_embedding.weight"].dtype).removeprefix("torch.")
    words = read_vocabulary(Path(config.vocabulary))
    rows = config.backbone.vocabulary_size
    for line in (
        f"wrote {options.out} ({options.out.stat().st_size / 1e6:.1f} MB, {dtype}): {old_count:.1f} M parameters from "
        f"{options.qwen3}, {new_count:.1f} M new",
        f"wrote {config.vocabulary}: {len(words)} tokens in {rows} rows, LISTEN is {words.listen}, END {words.end}",
    ):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(run_program(InitOptions, init))
