"""Wheels and Debian packages unpacked without their tools; nothing is ever written outside the folder.

Plain files are taken, and in a .deb or .tar.gz the names that a shared library has beside its own, as copies. Other
links and devices are left out; a path that leads out of the folder is an error.
"""

import io
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, Final

from wan_streamer.errors import InvalidInput

_AR_MAGIC: Final = b"!<arch>\n"
_AR_HEADER_BYTES: Final = 60


def unpack(archive: Path, folder: Path) -> None:
    """Writes the files of a .whl, .zip, .tar.gz or .deb into a new folder.

    Raises:
        InvalidInput: the archive is damaged, of another kind, or has a path that leads out.
    """
    try:
        for name, content in _files(archive):
            target = folder / _safe_path(name, archive)
            target.parent.mkdir(parents=True, exist_ok=True)
            with content, target.open("wb") as file:
                shutil.copyfileobj(content, file)
    except (zipfile.BadZipFile, tarfile.TarError, LZMAError, EOFError, zlib.error, KeyError) as error:
        raise InvalidInput(f"got {archive} that cannot be unpacked ({error}); delete it", reason="ARCHIVE") from error


def _files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if archive.suffix in (".whl", ".zip"):
        yield from _zip_files(archive)
    elif archive.suffix == ".deb":
        yield from _tar_files(io.BytesIO(_data_member(archive)))
    elif archive.name.endswith(".tar.gz"):
        with archive.open("rb") as file:
            yield from _tar_files(file)
    else:
        raise InvalidInput(f"got {archive}, expected a .whl, .zip, .tar.gz or .deb", reason="ARCHIVE")


def _zip_files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as file:
        for entry in file.infolist():
            # The file type of Unix lies in the upper half; none is a plain file too.
            kind = entry.external_attr >> 16 & 0o170000
            if not entry.is_dir() and kind in (0, 0o100000):
                yield entry.filename, file.open(entry)


def _tar_files(stream: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=stream) as file:
        for entry in file:
            content = file.extractfile(entry) if entry.isreg() or _is_library_name(entry) else None
            if content is not None:
                yield entry.name, content


def _is_library_name(entry: tarfile.TarInfo) -> bool:
    """A link to a file beside it: programs ask for `libm.so.1` where `libm.so.1.2` lies."""
    return entry.issym() and "/" not in entry.linkname and ".so." in entry.linkname and ".so." in entry.name


def _data_member(archive: Path) -> bytes:
    """The packed files inside a .deb, which is an `ar` archive of three members."""
    data = archive.read_bytes()
    offset = len(_AR_MAGIC)
    if data[:offset] != _AR_MAGIC:
        raise InvalidInput(f"got {archive} that is no Debian package; delete it", reason="ARCHIVE")
    while offset + _AR_HEADER_BYTES <= len(data):
        header = data[offset : offset + _AR_HEADER_BYTES]
        name, size_text = header[:16].decode("ascii", "replace").strip(" /"), header[48:58].strip()
        if not size_text.isdigit():
            break
        offset += _AR_HEADER_BYTES
        size = int(size_text)
        if name.startswith("data.tar"):
            if name.endswith(".zst"):
                raise InvalidInput(f"got {archive} packed with zstd, expected xz, gz or none", reason="ARCHIVE")
            return data[offset : offset + size]
        offset += size + size % 2
    raise InvalidInput(f"got {archive} without files inside; delete it", reason="ARCHIVE")


def _safe_path(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or not path.parts:
        raise InvalidInput(f"got {archive} with the path {name!r} that leads out of the folder", reason="ARCHIVE")
    return path
