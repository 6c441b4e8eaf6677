"""Which sound of the game is which line: everything put together."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wan_streamer.train.data.sources.amazon_queen.archive import QueenArchive
from wan_streamer.train.data.sources.amazon_queen.characters import HERO, character
from wan_streamer.train.data.sources.amazon_queen.cutaway import cutaway_lines
from wan_streamer.train.data.sources.amazon_queen.dialogue import dialogue_lines
from wan_streamer.train.data.sources.amazon_queen.game import Game, read_game
from wan_streamer.train.data.sources.amazon_queen.words import Line

REMARKS: Final = "QUEEN2.JAS"


@dataclass(frozen=True)
class Sound:
    """A sound file with its text, its speaker ("" if not certain) and the file of the dialogue it belongs to."""

    name: str
    text: str
    speaker: str
    dialogue: str


def read_sounds(archive: QueenArchive) -> list[Sound]:
    """All sounds that have a text, by name. Where two lines claim one sound, the first counts, as in the game.

    Raises:
        InvalidInput: a file of the game is truncated.
    """
    game = read_game(archive.read("QUEEN.JAS"), archive.read(REMARKS))
    sounds: dict[str, Sound] = {}
    for dialogue, line in _lines(archive, game):
        for name, text in line.segments():
            if name in archive.entries and name not in sounds:
                sounds[name] = Sound(name, text, line.speaker, dialogue)
    return [sounds[name] for name in sorted(sounds)]


def _lines(archive: QueenArchive, game: Game) -> Iterator[tuple[str, Line]]:
    for name in archive.names(".CUT"):
        for line in cutaway_lines(archive.read(name), name, game):
            yield name, line
    for name in archive.names(".DOG"):
        person = character(name.removesuffix(".DOG"))
        for line in dialogue_lines(archive.read(name), name, person):
            yield name, line
    for number, text in game.remarks():
        yield REMARKS, Line(f"JOE{number:04d}", HERO, text)
