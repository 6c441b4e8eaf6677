"""`wan-streamer avatar ...`: an agent of one's own, as child processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import Positional, arg, subcommand

from wan_streamer.client.command import Command
from wan_streamer.client.module_command import options_of, run_module

NEW_MODULE = "wan_streamer.train.avatar.new_command"
TEXTS_MODULE = "wan_streamer.train.avatar.texts_command"
TRAIN_MODULE = "wan_streamer.train.avatar.train_command"

Folder = Annotated[Positional[Path], arg(metavar="DIR")]


@dataclass(frozen=True, kw_only=True)
class AvatarNew(Command):
    """Write a folder that describes an agent: who it is, what it can be asked, how much it learns."""

    folder: Folder
    """Folder to make."""

    def execute(self, console: Console) -> int:
        return run_module(NEW_MODULE, [str(self.folder)], needs_torch=False)


@dataclass(frozen=True, kw_only=True)
class AvatarTexts(Command):
    """Print every sentence that an avatar says in its training and its evaluation: what to record, one a line."""

    folder: Folder
    """Folder that `wan-streamer avatar new` wrote."""

    def execute(self, console: Console) -> int:
        return run_module(TEXTS_MODULE, [str(self.folder)], needs_torch=False)


@dataclass(frozen=True, kw_only=True)
class AvatarTrain(Command):
    """Make an avatar from its folder: data, codecs, training, one file of weights, and an evaluation.

    Needs the engine and train extras, fetched sources and exported faces; hours on two CPU cores. The same command goes
    on where an interrupted one stopped.
    """

    folder: Folder
    """Folder that `wan-streamer avatar new` wrote."""
    processes: int | None = None
    """Processes that work at the same time; one a core when absent."""
    no_evaluation: bool = False
    """End with the avatar; the judges need the eval extra and half an hour."""

    def execute(self, console: Console) -> int:
        options = options_of({"processes": self.processes, "no_evaluation": self.no_evaluation})
        return run_module(TRAIN_MODULE, [str(self.folder), *options])


@dataclass(frozen=True, kw_only=True)
class Avatar(Command):
    """Make an agent of your own: another voice, face and domain."""

    task: Annotated[
        Annotated[AvatarNew, subcommand("new", prefix_name=False)]
        | Annotated[AvatarTexts, subcommand("texts", prefix_name=False)]
        | Annotated[AvatarTrain, subcommand("train", prefix_name=False)],
        arg(name=""),
    ]

    def execute(self, console: Console) -> int:
        return self.task.execute(console)
