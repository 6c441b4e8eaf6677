"""`wan-streamer init`: weights to begin training with, as a child process because the client knows nothing of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import arg

from wan_streamer.client.command import Command
from wan_streamer.client.defaults import PresetName
from wan_streamer.client.module_command import options_of, run_module

INIT_MODULE = "wan_streamer.train.init_command"


@dataclass(frozen=True, kw_only=True)
class Init(Command):
    """Start the Transformer from the text model of a Qwen3 checkpoint, for `train --initial-weights`.

    Blocks, norms, text embedding and head are the checkpoint's; encoders, heads and modulation are new and leave the
    text model as it was. Needs the engine and train extras. docs/training.md has the commands.
    """

    qwen3: Annotated[Path, arg(metavar="DIR")]
    """Folder of a dense Qwen3 checkpoint as transformers saves it, with its tokenizer.json."""
    out: Annotated[Path, arg(aliases=["-o"], metavar="FILE")]
    """Weights to write, NAME.safetensors; NAME-vocabulary.json comes beside them: its tokenizer with our two tokens."""
    preset: PresetName = "v0_1"
    """What gives all but the backbone, whose sizes are the checkpoint's."""
    seed: int = 0
    """Seed of what is new."""

    def execute(self, console: Console) -> int:
        names = ("qwen3", "out", "preset", "seed")
        return run_module(INIT_MODULE, options_of({name: getattr(self, name) for name in names}))
