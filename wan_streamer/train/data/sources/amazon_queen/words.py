"""The game's strings: how they are stored, and how one string falls into clips.

A `*` and two characters are a command to the actor (a gesture, a turn, a pause); `*XY` has a place behind it. Every
command ends a segment, and every segment has its own sound, numbered from 1 in hexadecimal.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wan_streamer.errors import InvalidInput

_COMMAND: Final = re.compile(r"\*(?:XY\d\d\(\d+,\d+\)|..)")
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True)
class Line:
    """A string that somebody says; its clips are named `prefix` + number of the segment."""

    prefix: str
    speaker: str
    text: str

    def segments(self) -> Iterator[tuple[str, str]]:
        """Name of the sound file and what is said in it, for each segment with words."""
        for number, segment in enumerate(_COMMAND.split(self.text), start=1):
            said = _SPACES.sub(" ", segment).strip()
            if any(character.isalpha() for character in said):
                yield f"{self.prefix}{number:X}.SB", said


class BigEndian:
    """Reads the numbers and strings of one file of the game.

    Raises:
        InvalidInput: the file ends before what is asked for.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name

    def number(self, offset: int) -> int:
        """Signed 16 bits."""
        self._check(offset + 2)
        return int(struct.unpack_from(">h", self._data, offset)[0])

    def numbers(self, offset: int, count: int) -> tuple[int, ...]:
        """Signed 16 bits each."""
        self._check(offset + 2 * count)
        return struct.unpack_from(f">{count}h", self._data, offset)

    def string(self, offset: int, *, align: int = 2) -> tuple[str, int]:
        """A string with its length in front, and the offset behind it (padded to `align`, but not if it is empty)."""
        self._check(offset + 1)
        length = self._data[offset]
        start = offset + 1
        self._check(start + length)
        if not length:
            return "", start
        text = self._data[start : start + length].decode("cp437")
        return text, (start + length + align - 1) // align * align

    def _check(self, end: int) -> None:
        if end > len(self._data):
            raise InvalidInput(f"got {self._name} that ends at {len(self._data)}, expected {end}", reason="QUEEN")
