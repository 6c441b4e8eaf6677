"""Options of the subcommands that draw conversation scripts."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from wan_streamer.client.command import Command
from wan_streamer.client.module_command import Value

Split = Literal["train", "validation", "held_out"]
Domain = Annotated[Path | None, arg(metavar="FOLDER")]


@dataclass(frozen=True, kw_only=True)
class DrawCommand(Command):
    """Which scripts to draw."""

    seed: int = 0
    """The same seed draws the same scripts."""
    count: int = 1
    """How many."""
    domain: Domain = None
    """Folder of the domain; the museum when absent."""
    split: Split = "train"
    """From which split to draw voices, faces, phrasings and families."""
    voices: Split | None = None
    """Another split for the voices."""
    faces: Split | None = None
    """Another split for the faces."""
    phrasings: Split | None = None
    """Another split for the phrasings."""
    families: Split | None = None
    """Another split for the script families."""
    wordings: int = 0
    """Only the first so many wordings of each answer; 0 is all. Fewer are learned sooner."""
    situations: tuple[str, ...] = ()
    """Only scripts with at least one of these situations (docs/scripts.md), for what is rare: wave show_ticket ..."""

    engines: tuple[str, ...] = ()
    """Only voices of these synthesisers (espeak flite piper kokoro): the last two take a second a sentence."""
    more_voices: bool = False
    """Besides a hundred voices of eSpeak's and sixty mixtures of Kokoro's, for training alone."""

    def drawing(self) -> dict[str, Value]:
        """The options of this class, to be passed on."""
        own = {one.name for one in fields(DrawCommand)} - {one.name for one in fields(Command)}
        return {name: getattr(self, name) for name in sorted(own)}
