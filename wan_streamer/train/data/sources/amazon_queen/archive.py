"""The game's one data file, `queen.1c`: a table of names, then the files one after the other."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wan_streamer.errors import InvalidInput

MAGIC: Final = b"QTBL"
# magic, version and two bytes that say nothing; then the compression of the sounds and the number of files
_HEADER: Final = struct.Struct(">4s6s2xBH")
_ENTRY: Final = struct.Struct(">12sBII")
MP3: Final = 1


@dataclass(frozen=True)
class Entry:
    """Where a file of the game lies inside the data file."""

    offset_bytes: int
    size_bytes: int


@dataclass(frozen=True)
class QueenArchive:
    """The data file and its table."""

    data: bytes
    entries: Mapping[str, Entry]

    def read(self, name: str) -> bytes:
        """One file of the game.

        Raises:
            InvalidInput: there is no such file.
        """
        if name not in self.entries:
            raise InvalidInput(f"got no {name} in the data file, expected the English game with speech", reason="QUEEN")
        entry = self.entries[name]
        return self.data[entry.offset_bytes : entry.offset_bytes + entry.size_bytes]

    def names(self, suffix: str) -> list[str]:
        """The files that end so, in the order of their names."""
        return sorted(name for name in self.entries if name.endswith(suffix))


def read_archive(path: Path) -> QueenArchive:
    """Reads `queen.1c`.

    Raises:
        InvalidInput: not that file, truncated, or its sounds are not MP3.
    """
    data = path.read_bytes()
    if len(data) < _HEADER.size or data[:4] != MAGIC:
        raise InvalidInput(f"got {path} that does not start with {MAGIC!r}, expected queen.1c", reason="QUEEN")
    _, _, compression, count = _HEADER.unpack_from(data)
    if compression != MP3:
        raise InvalidInput(f"got {path} with compression {compression}, expected {MP3} (MP3)", reason="QUEEN")
    table_end = _HEADER.size + count * _ENTRY.size
    if len(data) < table_end:
        raise InvalidInput(f"got {len(data)} bytes in {path}, expected a table of {table_end}", reason="QUEEN")
    entries = {}
    for raw_name, _, offset_bytes, size_bytes in _ENTRY.iter_unpack(data[_HEADER.size : table_end]):
        name = raw_name.split(b"\0")[0].decode("ascii")
        if offset_bytes + size_bytes > len(data):
            raise InvalidInput(f"got {path} that ends inside {name}; it is truncated, fetch it again", reason="QUEEN")
        entries[name] = Entry(offset_bytes, size_bytes)
    return QueenArchive(data, entries)
