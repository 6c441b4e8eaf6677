"""A snapshot as a file: safetensors, whose metadata hold a JSON header. docs/snapshots.md is its description."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from wan_streamer.engine.kv_state import KvState
from wan_streamer.engine.snapshot.header import Header, damaged, from_metadata, to_metadata
from wan_streamer.engine.snapshot.snapshot import Snapshot
from wan_streamer.errors import InvalidInput

KEYS_VALUES: Final = "keys_values."
SINK_KEYS: Final = "sink_keys."
STREAM: Final = "stream."
SLOT_UNITS: Final = "slot_units"


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Writes a snapshot; the file appears whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors_of(snapshot).items()}
    metadata = to_metadata(snapshot, {name: _checksum(tensor) for name, tensor in tensors.items()})
    unfinished = path.with_name(path.name + ".tmp")
    safetensors.torch.save_file(tensors, unfinished, metadata)
    unfinished.replace(path)


def read_snapshot(path: Path, heads: Sequence[int] | None = None) -> Snapshot:
    """Reads a snapshot, on the CPU.

    Args:
        heads: key-value heads to read, those that are there when not given. Others are not even touched, so that a
            rank reads no more than it keeps.

    Raises:
        InvalidInput: SNAPSHOT_MISSING, SNAPSHOT_FORMAT, SNAPSHOT_VERSION, SNAPSHOT_DAMAGED; SNAPSHOT_HEADS: one of
            the heads is not in this file.
    """
    if not path.is_file():
        raise InvalidInput(
            f"got no snapshot at {path}, expected a file of write_snapshot; name another", reason="SNAPSHOT_MISSING"
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = from_metadata(file.metadata() or {}, path)
            wanted = header.heads if heads is None else tuple(heads)
            _check_heads(wanted, header, path)
            tensors = {name: file.get_tensor(name) for name in _names(header, wanted)}
    except (SafetensorError, OSError) as error:
        raise damaged(path, f"it cannot be read ({error})") from error
    for name, tensor in tensors.items():
        if _checksum(tensor) != header.checksums[name]:
            raise damaged(path, f"{name} is not what was written")
    return _snapshot(header, tensors)


def _tensors_of(snapshot: Snapshot) -> dict[str, Tensor]:
    kv = snapshot.kv
    return {
        SLOT_UNITS: kv.units_N,
        **{f"{KEYS_VALUES}{head}": tensor for head, tensor in kv.keys_values.items()},
        **{f"{SINK_KEYS}{head}": tensor for head, tensor in kv.sink_keys.items()},
        **{STREAM + layer: tensor for layer, tensor in snapshot.streams.items()},
    }


def _names(header: Header, heads: Sequence[int]) -> list[str]:
    of_heads = [f"{prefix}{head}" for prefix in (KEYS_VALUES, SINK_KEYS) for head in heads]
    return [SLOT_UNITS, *of_heads, *(name for name in header.checksums if name.startswith(STREAM))]


def _check_heads(heads: Sequence[int], header: Header, path: Path) -> None:
    missing = sorted(set(heads) - set(header.heads))
    if missing:
        raise InvalidInput(
            f"got {path} with key-value heads {list(header.heads)}, expected {missing} too; name the file of the rank "
            "that kept them",
            reason="SNAPSHOT_HEADS",
        )


def _snapshot(header: Header, tensors: Mapping[str, Tensor]) -> Snapshot:
    kv = KvState(
        keys_values={int(head): tensor for head, tensor in _under(KEYS_VALUES, tensors).items()},
        sink_keys={int(head): tensor for head, tensor in _under(SINK_KEYS, tensors).items()},
        units_N=tensors[SLOT_UNITS],
        committed_units=header.committed_units,
        sink_shift_units=header.sink_shift_units,
    )
    return Snapshot(
        process=header.process,
        fingerprint=header.fingerprint,
        config=header.config,
        unit_index=header.unit_index,
        kv=kv,
        origin=header.origin,
        seed=header.seed,
        words=header.words,
        open_units=header.open_units,
        text_pending=header.text_pending,
        streams=_under(STREAM, tensors),
    )


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _checksum(tensor: Tensor) -> int:
    # reshape: scalars have no last axis to see as bytes.
    return zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data)
