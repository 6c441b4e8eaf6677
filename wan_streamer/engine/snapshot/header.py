"""The JSON header of a snapshot's file: everything but the tensors."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from wan_streamer.engine.order import Process
from wan_streamer.engine.snapshot.snapshot import Snapshot
from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.config_json import config_json, read_config

FORMAT: Final = "wan-streamer session"
VERSION: Final = 2


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says beside its tensors; the names are those of `Snapshot` and `KvState`.

    Attributes:
        heads: key-value heads in this file.
        checksums: CRC-32 of each tensor's bytes, by name.
    """

    process: Process
    fingerprint: str
    config: ModelConfig
    unit_index: int
    heads: tuple[int, ...]
    committed_units: tuple[int, ...]
    sink_shift_units: int
    origin: Mapping[str, str | int]
    seed: int | None
    words: Mapping[int, tuple[int, ...]]
    open_units: tuple[int, ...]
    text_pending: bytes
    checksums: Mapping[str, int]


def to_metadata(snapshot: Snapshot, checksums: Mapping[str, int]) -> dict[str, str]:
    """The metadata of a file: format, version, header, and the header's own checksum."""
    header = json.dumps(
        {
            "process": snapshot.process,
            "fingerprint": snapshot.fingerprint,
            "config": json.loads(config_json(snapshot.config)),
            "unit_index": snapshot.unit_index,
            "heads": snapshot.kv.heads,
            "committed_units": snapshot.kv.committed_units,
            "sink_shift_units": snapshot.kv.sink_shift_units,
            "origin": dict(snapshot.origin),
            "seed": snapshot.seed,
            "words": {unit_index: list(words) for unit_index, words in snapshot.words.items()},
            "open_units": list(snapshot.open_units),
            "text_pending": snapshot.text_pending.hex(),
            "checksums": dict(checksums),
        }
    )
    return {"format": FORMAT, "version": str(VERSION), "header": header, "checksum": _checksum(header)}


def from_metadata(metadata: Mapping[str, str], path: Path) -> Header:
    """The header of a file.

    Raises:
        InvalidInput: SNAPSHOT_FORMAT, it is no snapshot; SNAPSHOT_VERSION, of another version; SNAPSHOT_DAMAGED.
    """
    if metadata.get("format") != FORMAT:
        raise InvalidInput(
            f"got {path} of format {metadata.get('format')!r}, expected {FORMAT!r}; name a file of write_snapshot",
            reason="SNAPSHOT_FORMAT",
        )
    if metadata.get("version") != str(VERSION):
        raise InvalidInput(
            f"got {path} of version {metadata.get('version')}, expected {VERSION}; restore it with the version of the "
            "package that it was taken with, or let the session begin anew",
            reason="SNAPSHOT_VERSION",
        )
    text = metadata.get("header", "")
    if metadata.get("checksum") != _checksum(text):
        raise damaged(path, "its header is not what was written")
    return _parsed(text, path)


def damaged(path: Path, what: str) -> InvalidInput:
    """The error of a file that cannot be used."""
    return InvalidInput(
        f"got the snapshot {path}, but {what}, expected a whole file of write_snapshot; copy it again or take another",
        reason="SNAPSHOT_DAMAGED",
    )


def _parsed(text: str, path: Path) -> Header:
    try:
        content = json.loads(text)
        return Header(
            process=cast(Process, content["process"]),
            fingerprint=content["fingerprint"],
            config=read_config(json.dumps(content["config"]), path),
            unit_index=content["unit_index"],
            heads=tuple(content["heads"]),
            committed_units=tuple(content["committed_units"]),
            sink_shift_units=content["sink_shift_units"],
            origin=content["origin"],
            seed=content["seed"],
            words={int(unit_index): tuple(words) for unit_index, words in content["words"].items()},
            open_units=tuple(content["open_units"]),
            text_pending=bytes.fromhex(content["text_pending"]),
            checksums=content["checksums"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(path, f"its header cannot be read ({type(error).__name__}: {error})") from error


def _checksum(text: str) -> str:
    return str(zlib.crc32(text.encode()))
