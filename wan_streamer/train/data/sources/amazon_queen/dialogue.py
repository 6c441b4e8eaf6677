"""A conversation with choices (`*.DOG`): what the hero can say and what is answered."""

from collections.abc import Iterator
from typing import Final

from wan_streamer.train.data.sources.amazon_queen.characters import HERO
from wan_streamer.train.data.sources.amazon_queen.words import BigEndian, Line

HEADER_BYTES: Final = 20
TREE_START: Final = 32
LEVEL_BYTES: Final = 96


def dialogue_lines(data: bytes, name: str, person: str) -> Iterator[Line]:
    """All that is said in it.

    Args:
        person: the one whom the hero talks to.

    Raises:
        InvalidInput: the file is truncated.
    """
    file = BigEndian(data[HEADER_BYTES:], name)
    level_count, _, key, hero_count, person_count = file.numbers(0, 5)
    person_offset, _, again_offset = (value & 0xFFFF for value in file.numbers(22, 3))
    hero_offset = TREE_START + abs(level_count) * LEVEL_BYTES
    prefix = f"{key:02d}"
    if not file.number(hero_offset + 2):
        opening, _ = file.string(hero_offset + 4)
        yield Line(f"{prefix}SSSSJ", HERO, opening)
    yield from _answers(file, hero_offset, hero_count, f"{prefix}%04XJ", HERO)
    yield from _answers(file, person_offset, person_count, f"{prefix}%04XP", person)
    again, offset = file.string(again_offset)
    yield Line(f"{prefix}XXXXP", person, again)
    yield Line(f"{prefix}XXXXJ", HERO, file.string(offset)[0])


def _answers(file: BigEndian, offset: int, count: int, prefix: str, speaker: str) -> Iterator[Line]:
    for _ in range(count):
        number = file.number(offset + 2) & 0xFFFF
        text, offset = file.string(offset + 4, align=4)
        # Number 0 repeats the hero's greeting and has no sound.
        if number:
            yield Line(prefix % number, speaker, text)
