"""A scene without choices (`*.CUT`): a list of actors' actions; the text of each comes from a second list."""

from collections.abc import Iterator
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.amazon_queen.characters import HERO, character_of
from wan_streamer.train.data.sources.amazon_queen.game import Game
from wan_streamer.train.data.sources.amazon_queen.words import BigEndian, Line

HEADER_BYTES: Final = 20
ACTIONS_START: Final = 12
ACTION_NUMBERS: Final = 17
FRAME_BYTES: Final = 18
END_OF_FRAMES: Final = -2
STEM_CHARACTERS: Final = 5
# The actions end one or two numbers before what follows them.
GAPS_BYTES: Final = (2, 4)


def cutaway_lines(data: bytes, name: str, game: Game) -> Iterator[Line]:
    """All that is said in a scene.

    Raises:
        InvalidInput: the file is truncated or its actions do not end where it says.
    """
    file = BigEndian(data[HEADER_BYTES:], name)
    _, count, _, states_offset, text_offset, _ = file.numbers(0, 6)
    stem = name.removesuffix(".CUT").ljust(STEM_CHARACTERS, "_")
    speakers, end = _speakers(file, abs(count), game)
    if states_offset - end not in GAPS_BYTES:
        raise InvalidInput(f"got {name} with actions that end at {end}, expected {states_offset - 2}", reason="QUEEN")
    # The first string says which way the hero looks.
    _, text_offset = file.string(text_offset)
    for number, speaker in enumerate(speakers, start=1):
        text, text_offset = file.string(text_offset)
        yield Line(f"{stem}{number:02d}", speaker, text)


def _speakers(file: BigEndian, count: int, game: Game) -> tuple[list[str], int]:
    """Who acts in each action, and the offset behind the last."""
    offset = ACTIONS_START
    speakers = []
    for _ in range(count):
        action = file.numbers(offset, ACTION_NUMBERS)
        offset += 2 * ACTION_NUMBERS
        offset += 2 + 2 * file.number(offset)
        actor, animation, execute, origin = action[0], action[4], action[5], action[12]
        speaks = actor < -1 or (not animation and (actor <= 0 or game.is_person(actor)))
        if origin <= 0 and not speaks and execute:
            offset = _behind_frames(file, offset)
        speakers.append(_speaker(actor, game))
    return speakers, offset


def _speaker(actor: int, game: Game) -> str:
    """A negative number but -1 is a text without an actor: it may be anybody."""
    if actor > 0:
        return character_of(game.object_name(actor), game.actors_of(actor))
    return HERO if actor in (0, -1) else ""


def _behind_frames(file: BigEndian, offset: int) -> int:
    while file.number(offset) != END_OF_FRAMES:
        offset += 2 + FRAME_BYTES
    return offset + 2
