"""A folder of encoded conversations: a file each, and what they were encoded with."""

import hashlib
import json
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.atomic import atomic_file, replace_file
from wan_streamer.train.manifest import DataFile, DataManifest

INDEX: Final = "encoded.json"
# In what is said of a set: its sound and pictures are a model's, these weights' (`roll_command.py`).
ROLLED: Final = "rolled_by"


@dataclass(frozen=True)
class EncodedSet:
    """Encoded conversations, mapped into memory.

    Raises:
        InvalidInput: ENCODED, when it is opened: the folder is none, is not finished, or a file is damaged.
    """

    folder: Path

    @cached_property
    def about(self) -> dict[str, Any]:
        """What `data encode` wrote of it: data_sha256, model (hash of all that encodes), preset, count, pictures, and
        variant if what is heard was changed."""
        return read_index(self.folder)

    @cached_property
    def conversations(self) -> tuple[NDArray[Any], ...]:
        """The records of each conversation."""
        # Each is a file that stays open: a shell lets a program open a thousand, the system far more.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        return tuple(_open(path_of(self.folder, number)) for number in range(self.about["count"]))


def list_encoded(folders: Sequence[Path]) -> DataManifest:
    """The sets as a run's data: each by what `data encode` wrote of it.

    Raises:
        InvalidInput: ENCODED, a folder is no such set.
    """
    files = []
    for folder in folders:
        content = json.dumps(read_index(folder), sort_keys=True)
        files.append(DataFile(folder, folder.name, hashlib.sha256(content.encode()).hexdigest()))
    return DataManifest(tuple(files))


def path_of(folder: Path, number: int) -> Path:
    """The file of a conversation."""
    return folder / f"{number:06d}.npy"


def write_records(path: Path, records: NDArray[Any]) -> None:
    """Whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_file(path) as file:
        np.save(file, records)


def write_index(folder: Path, about: dict[str, Any]) -> None:
    """Says what a folder's files are."""
    replace_file(folder / INDEX, (json.dumps(about, indent=1) + "\n").encode())


def start_index(folder: Path, about: dict[str, Any]) -> None:
    """Says it of a folder that is new, or goes on with one that says the same.

    Raises:
        InvalidInput: ENCODED, its files are others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / INDEX).is_file() and read_index(folder) != about:
        raise InvalidInput(
            f"got {folder} with records of other data or another model, expected none or the same; name another --out",
            reason="ENCODED",
        )
    write_index(folder, about)


def read_index(folder: Path) -> dict[str, Any]:
    """What a folder's files are.

    Raises:
        InvalidInput: ENCODED, there is nothing, or no such index.
    """
    try:
        content = json.loads((folder / INDEX).read_text())
        assert isinstance(content, dict)
        return content
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"got no encoded conversations in {folder} ({error}), expected {INDEX}; make them with wan-streamer data "
            "encode DATASET --out DIR",
            reason="ENCODED",
        ) from error


def _open(path: Path) -> NDArray[Any]:
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"got {path} ({error}), expected the records of a conversation; the same wan-streamer data encode makes "
            "what is missing (delete a damaged file first)",
            reason="ENCODED",
        ) from error
