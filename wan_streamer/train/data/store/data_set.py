"""A folder of shards with a manifest that says what is in it, where it came from and what it keeps out."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.agent import Agent, default_agent, parse_agent
from wan_streamer.train.data.conversation import Conversation
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.store.shard import FORMAT, Shard

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class ShardEntry:
    """A shard in the manifest; `unit_counts` has one number a conversation."""

    file: str
    size_bytes: int
    sha256: str
    unit_counts: tuple[int, ...]


def shard_entry(path: Path) -> ShardEntry:
    """Describes a shard that was written.

    Raises:
        InvalidInput: it cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    counts = tuple(Shard(path).unit_counts())
    return ShardEntry(file=path.name, size_bytes=path.stat().st_size, sha256=digest, unit_counts=counts)


def write_manifest(folder: Path, header: dict[str, Any], shards: Sequence[ShardEntry]) -> None:
    """Writes the manifest; a folder without it is no data set yet.

    Args:
        header: what else is to be known: seed, splits, held-out names, sources with their licences, counts.
    """
    content = {"format": FORMAT, **header, "shards": [asdict(entry) for entry in shards]}
    replace_file(folder / MANIFEST, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


class DataSet:
    """All conversations of a folder, counted through.

    Raises:
        InvalidInput: there is no manifest, or a shard is missing or has another size than the manifest says.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._content = _read_manifest(folder / MANIFEST)
        self.entries = tuple(
            ShardEntry(**{**entry, "unit_counts": tuple(entry["unit_counts"])}) for entry in self._content["shards"]
        )
        for entry in self.entries:
            _check_size(folder / entry.file, entry)
        self._places = [(entry, row) for entry in self.entries for row in range(len(entry.unit_counts))]
        self._shards: dict[str, Shard] = {}

    def __len__(self) -> int:
        return len(self._places)

    @property
    def header(self) -> dict[str, Any]:
        """What the manifest says besides the shards."""
        return {name: value for name, value in self._content.items() if name != "shards"}

    @cached_property
    def agent(self) -> Agent:
        """Who answers in it.

        Raises:
            InvalidInput: the manifest describes none.
        """
        if "agent" not in self._content:
            return default_agent()
        return parse_agent(self._content["agent"], source=str(self.folder / MANIFEST))

    @cached_property
    def unit_counts(self) -> tuple[int, ...]:
        """Units of each conversation."""
        return tuple(count for entry in self.entries for count in entry.unit_counts)

    def conversation(self, index: int) -> Conversation:
        """One conversation.

        Raises:
            InvalidInput: its shard is damaged.
            IndexError: there are fewer.
        """
        entry, row = self._places[index]
        if entry.file not in self._shards:
            self._shards[entry.file] = Shard(self.folder / entry.file)
        return replace(self._shards[entry.file].conversation(row), agent=self.agent)

    def check_for_training(self) -> None:
        """Nothing that is kept out of training is in it.

        Raises:
            InvalidInput: it was drawn from another split, or names a voice or face that is kept out.
        """
        splits = self._content.get("splits", {})
        complaints = [f"{axis} of the split {split}" for axis, split in splits.items() if split != "train"]
        for kept_out in self._content.get("kept_out_of_training", {}).values():
            for axis in ("voices", "faces"):
                complaints += sorted(set(self._content.get(axis, ())) & set(kept_out.get(axis, ())))
        if complaints:
            raise InvalidInput(
                f"got {self.folder} with {complaints[0]}, expected nothing that is kept out of training; it is there "
                "to judge with, train on another",
                reason="HELD_OUT",
            )

    def verify(self) -> None:
        """Compares every shard with its hash: slow, for after a copy.

        Raises:
            InvalidInput: one differs.
        """
        for entry in self.entries:
            if shard_entry(self.folder / entry.file) != entry:
                raise InvalidInput(
                    f"got {self.folder / entry.file} that differs from its manifest; copy it again", reason="SHARD"
                )


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
        found = content.get("format")
    except OSError as error:
        raise InvalidInput(
            f"got no data set in {path.parent} ({error.strerror}), expected its {path.name}; `wan-streamer data "
            "render` makes one and goes on where it was interrupted",
            reason="DATA_SET",
        ) from error
    except (ValueError, AttributeError) as error:
        raise InvalidInput(
            f"got {path} that is no manifest ({error}); make the data again", reason="DATA_SET"
        ) from error
    if found != FORMAT:
        raise InvalidInput(f"got {path} of format {found!r}, expected {FORMAT!r}", reason="DATA_SET")
    assert isinstance(content, dict)
    return content


def _check_size(path: Path, entry: ShardEntry) -> None:
    size = path.stat().st_size if path.is_file() else None
    if size != entry.size_bytes:
        got = "no such file" if size is None else f"{size} bytes"
        raise InvalidInput(
            f"got {got} at {path}, expected {entry.size_bytes} bytes; copy the shard again, or make it again by the "
            "command that made the data set",
            reason="SHARD",
        )
