"""`wan-streamer data ...`: the data factory, as a child process because the client knows nothing of training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import arg, subcommand

from wan_streamer.client.command import Command
from wan_streamer.client.data_conversation_commands import (
    DataEncode,
    DataHear,
    DataPreview,
    DataRender,
    DataRoll,
    DataSpell,
)
from wan_streamer.client.data_source_commands import DataFaces, DataFetch, DataVoice
from wan_streamer.client.draw_command import Domain, DrawCommand
from wan_streamer.client.module_command import options_of, run_module

SCRIPT_MODULE = "wan_streamer.train.data.script_command"


@dataclass(frozen=True, kw_only=True)
class DataScript(DrawCommand):
    """Draw conversation scripts; print them as YAML, or write a file each.

    A script says who says what and when, relative to each other; docs/scripts.md explains it.
    """

    out: Annotated[Path | None, arg(aliases=["-o"], metavar="DIR")] = None
    """Directory for NAME.yaml of each script and splits.yaml, which lists what is held out; printed when absent."""
    stats: bool = False
    """Print wanted and drawn shares of everything instead of the scripts."""

    def execute(self, console: Console) -> int:
        options = self.drawing() | {"out": self.out, "stats": self.stats}
        return run_module(SCRIPT_MODULE, options_of(options), needs_torch=False)


@dataclass(frozen=True, kw_only=True)
class DataSplits(Command):
    """Print which voices, faces, phrasings and script families are held out, as YAML."""

    domain: Domain = None
    """Folder of the domain; the museum when absent."""

    def execute(self, console: Console) -> int:
        return run_module(SCRIPT_MODULE, options_of({"list_splits": True, "domain": self.domain}), needs_torch=False)


@dataclass(frozen=True, kw_only=True)
class Data(Command):
    """Make training data: sources, voices, faces, scripts, conversations, films of them, what is held out."""

    task: Annotated[
        Annotated[DataFetch, subcommand("fetch", prefix_name=False)]
        | Annotated[DataVoice, subcommand("voice", prefix_name=False)]
        | Annotated[DataFaces, subcommand("faces", prefix_name=False)]
        | Annotated[DataScript, subcommand("script", prefix_name=False)]
        | Annotated[DataRender, subcommand("render", prefix_name=False)]
        | Annotated[DataEncode, subcommand("encode", prefix_name=False)]
        | Annotated[DataHear, subcommand("hear", prefix_name=False)]
        | Annotated[DataSpell, subcommand("spell", prefix_name=False)]
        | Annotated[DataRoll, subcommand("roll", prefix_name=False)]
        | Annotated[DataPreview, subcommand("preview", prefix_name=False)]
        | Annotated[DataSplits, subcommand("splits", prefix_name=False)],
        arg(name=""),
    ]

    def execute(self, console: Console) -> int:
        return self.task.execute(console)
