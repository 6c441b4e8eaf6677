"""Which files a run learns from, and a hash that names exactly these."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.clip import Clip
from wan_streamer.train.data.sources.manifest import read_manifest
from wan_streamer.train.takes import TAKE_UNITS, Take, takes_of

MANIFEST_SUFFIX = ".jsonl"
DATA_SET_MANIFEST = "manifest.json"
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".g722", ".mp4", ".mov", ".mkv", ".webm"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".webm", ".mov"})


@dataclass(frozen=True)
class DataFile:
    """A file, its name below the folder that was given, and its content's hash.

    Attributes:
        clip: a recording of a fetched source; `path` is the source's root then.
        take: one side of a conversation, drawn; `path` is the data set's folder then.
    """

    path: Path
    name: str
    sha256: str
    clip: Clip | None = None
    take: Take | None = None


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
    """All files of these kinds below the paths (folders or single files), and the training clips of manifests.

    Raises:
        InvalidInput: DATA_NOT_FOUND, a path does not exist or there is no such file; a manifest is damaged.
    """
    files: dict[str, Path] = {}
    clips: list[DataFile] = []
    for root in paths:
        if not root.exists():
            raise InvalidInput(
                f"got data path {root}, expected a file or folder; there is none, check the path",
                reason="DATA_NOT_FOUND",
            )
        if root.suffix == MANIFEST_SUFFIX:
            clips += _clips_of(root)
            continue
        if (root / DATA_SET_MANIFEST).is_file():
            clips += _takes_of(root, suffixes)
            continue
        inside = sorted(root.rglob("*")) if root.is_dir() else [root]
        for path in inside:
            if path.is_file() and path.suffix.lower() in suffixes:
                files[f"{root.name}/{path.relative_to(root)}" if root.is_dir() else root.name] = path
    if not (files or clips):
        raise InvalidInput(
            f"got {', '.join(map(str, paths)) or 'no data path'} without media, expected files that end in "
            f"{', '.join(sorted(suffixes))}; name a folder that has some with --data",
            reason="DATA_NOT_FOUND",
        )
    clips += [DataFile(path, name, _sha256(path)) for name, path in files.items()]
    return DataManifest(tuple(sorted(clips, key=lambda file: file.name)))


def _takes_of(root: Path, suffixes: frozenset[str]) -> list[DataFile]:
    """Both sides of all conversations of a data set; its sound is coded, so it is no data for an audio codec."""
    if suffixes is not VIDEO_SUFFIXES:
        raise InvalidInput(
            f"got the data set {root} for an audio codec, expected recorded sound; conversations hold Opus: give the "
            "folder of the agent's voice and manifests of sources",
            reason="DATA_KIND",
        )
    digest = _sha256(root / DATA_SET_MANIFEST)
    return [DataFile(root, take.name, f"{digest}/{take.name}/{TAKE_UNITS}", take=take) for take in takes_of(root)]


def _clips_of(path: Path) -> list[DataFile]:
    """What a source's manifest gives to training; what it holds out is never learned from."""
    manifest = read_manifest(path)
    # The manifest names the content of every clip through its packages' hashes.
    return [
        DataFile(path.parent.parent, clip.name, f"{manifest.sha256}/{clip.name}", clip)
        for clip in manifest.split("train")
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
