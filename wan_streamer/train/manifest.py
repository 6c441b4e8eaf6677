"""Which files a run learns from, and a hash that names exactly these."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wan_streamer.errors import InvalidInput

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".g722", ".mp4", ".mkv", ".webm"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".webm", ".mov"})


@dataclass(frozen=True)
class DataFile:
    """A file, its name below the folder that was given, and its content's hash."""

    path: Path
    name: str
    sha256: str


@dataclass(frozen=True)
class DataManifest:
    """The files in the order of their names."""

    files: tuple[DataFile, ...]

    @property
    def sha256(self) -> str:
        """Equal for equal names and contents, wherever they lie."""
        return hashlib.sha256("\n".join(f"{file.sha256} {file.name}" for file in self.files).encode()).hexdigest()

    def to_json(self) -> str:
        """Names and hashes, for the run folder."""
        rows = [{"name": file.name, "sha256": file.sha256} for file in self.files]
        return json.dumps({"sha256": self.sha256, "files": rows}, indent=1)


def list_data(paths: Sequence[Path], suffixes: frozenset[str]) -> DataManifest:
    """All files of these kinds below the paths (folders or single files).

    Raises:
        InvalidInput: DATA_NOT_FOUND, a path does not exist or there is no such file.
    """
    files: dict[str, Path] = {}
    for root in paths:
        if not root.exists():
            raise InvalidInput(
                f"got data path {root}, expected a file or folder; there is none, check the path",
                reason="DATA_NOT_FOUND",
            )
        inside = sorted(root.rglob("*")) if root.is_dir() else [root]
        for path in inside:
            if path.is_file() and path.suffix.lower() in suffixes:
                files[f"{root.name}/{path.relative_to(root)}" if root.is_dir() else root.name] = path
    if not files:
        raise InvalidInput(
            f"got {', '.join(map(str, paths)) or 'no data path'} without media, expected files that end in "
            f"{', '.join(sorted(suffixes))}; name a folder that has some with --data",
            reason="DATA_NOT_FOUND",
        )
    return DataManifest(tuple(DataFile(path, name, _sha256(path)) for name, path in sorted(files.items())))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
