"""Snapshots that cannot be restored are refused with what was got, what was expected and what to do."""

import dataclasses
import json
import struct
from pathlib import Path

import pytest
import torch

from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.schedule import Duplex
from wan_streamer.engine.snapshot.file import read_snapshot, write_snapshot
from wan_streamer.engine.snapshot.sessions import Snapshots
from wan_streamer.engine.snapshot.snapshot import Snapshot, merge_ranks
from wan_streamer.errors import InvalidInput
from wan_streamer.model.presets import untrained


@pytest.fixture(scope="module")
def duplex() -> Duplex:
    return Duplex(untrained(tiny_config(), 0))


@pytest.fixture
def performer(duplex: Duplex) -> Snapshot:
    session = duplex.open(1)
    for k in range(3):
        duplex.step(session, random_unit(tiny_config(), k))
    return Snapshots(duplex.thinker.model).of_performer(session.performer, {})


@pytest.fixture
def path(performer: Snapshot, tmp_path: Path) -> Path:
    write_snapshot(tmp_path / "performer", performer)
    return tmp_path / "performer"


def refused(path: Path) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_snapshot(path)
    assert "expected" in str(caught.value)
    return caught.value.reason


def change_metadata(path: Path, **changes: str) -> None:
    """Rewrites the metadata of a safetensors file: 8 bytes of length, the header, the tensors."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] |= changes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """No file is said to be no file."""
    assert refused(tmp_path / "nothing") == "SNAPSHOT_MISSING"


def test_another_version_is_refused(path: Path) -> None:
    """A file of a later format is refused before anything else of it is believed."""
    change_metadata(path, version="1000", header="{}")
    assert refused(path) == "SNAPSHOT_VERSION"


def test_other_files_are_refused(path: Path) -> None:
    """Tensors that are no snapshot are said to be none."""
    change_metadata(path, format="weights")
    assert refused(path) == "SNAPSHOT_FORMAT"


@pytest.mark.parametrize("at", [0.0, 0.5, 0.999])
def test_a_changed_byte_is_noticed_wherever_it_is(path: Path, at: float) -> None:
    """One flipped bit, in the lengths, in the middle or in the last tensor, and the file is refused."""
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 0x10
    path.write_bytes(content)
    assert refused(path) == "SNAPSHOT_DAMAGED"


def test_a_changed_header_is_noticed(path: Path) -> None:
    """A header that is still JSON but not what was written is refused."""
    content = path.read_bytes()
    assert content.count(b'\\"unit_index\\": 2') == 1
    path.write_bytes(content.replace(b'\\"unit_index\\": 2', b'\\"unit_index\\": 3'))
    assert refused(path) == "SNAPSHOT_DAMAGED"


@pytest.mark.parametrize("kept", [0, 5, 1000, -1])
def test_a_file_that_is_cut_off_is_noticed(path: Path, kept: int) -> None:
    """A copy that ended early is refused wherever it ended."""
    path.write_bytes(path.read_bytes()[:kept])
    assert refused(path) == "SNAPSHOT_DAMAGED"


def test_another_model_is_refused(performer: Snapshot) -> None:
    """Equal shapes do not suffice: other weights are another function."""
    other = Duplex(untrained(tiny_config(), 1))
    with pytest.raises(InvalidInput, match="weights that it was taken with") as caught:
        Snapshots(other.thinker.model).restore_performer(other.performer, performer)
    assert caught.value.reason == "SNAPSHOT_MODEL"


def test_the_other_process_is_refused(duplex: Duplex, performer: Snapshot) -> None:
    """A performer's part is no thinker's."""
    with pytest.raises(InvalidInput) as caught:
        Snapshots(duplex.thinker.model).restore_thinker(duplex.thinker, performer)
    assert caught.value.reason == "SNAPSHOT_PROCESS"


def test_a_rank_alone_is_refused_by_a_whole_performer(duplex: Duplex, performer: Snapshot) -> None:
    """Half of the heads do not make a session of one rank."""
    half = dataclasses.replace(
        performer,
        kv=dataclasses.replace(
            performer.kv,
            keys_values={0: performer.kv.keys_values[0]},
            sink_keys={0: performer.kv.sink_keys[0]},
        ),
    )
    with pytest.raises(InvalidInput, match="merge the snapshots of all ranks") as caught:
        Snapshots(duplex.thinker.model).restore_performer(duplex.performer, half)
    assert caught.value.reason == "SNAPSHOT_HEADS"


def test_tensors_of_other_shapes_are_refused(duplex: Duplex, performer: Snapshot) -> None:
    """A tensor that does not fit the session is named."""
    cut = {head: tensor[:, :, :-1] for head, tensor in performer.kv.keys_values.items()}
    damaged = dataclasses.replace(performer, kv=dataclasses.replace(performer.kv, keys_values=cut))
    with pytest.raises(InvalidInput, match="head 0") as caught:
        Snapshots(duplex.thinker.model).restore_performer(duplex.performer, damaged)
    assert caught.value.reason == "SNAPSHOT_DAMAGED"


def test_a_refused_snapshot_keeps_no_memory(performer: Snapshot) -> None:
    """The seat that a session was to be restored on seats the next one."""
    duplex = Duplex(untrained(tiny_config(), 0))
    first = duplex.performer.open(1)
    duplex.performer.close(first)
    cut = {head: tensor[:, :, :-1] for head, tensor in performer.kv.keys_values.items()}
    damaged = dataclasses.replace(performer, kv=dataclasses.replace(performer.kv, keys_values=cut))
    with pytest.raises(InvalidInput):
        Snapshots(duplex.thinker.model).restore_performer(duplex.performer, damaged)
    assert duplex.performer.open(1).seat is first.seat


def test_ranks_at_different_units_are_not_merged(performer: Snapshot) -> None:
    """Ranks whose snapshots were taken at different moments do not make one session."""
    later = dataclasses.replace(performer, unit_index=3)
    moved = dataclasses.replace(performer, kv=dataclasses.replace(performer.kv, units_N=performer.kv.units_N + 1))
    for other in (later, moved):
        with pytest.raises(InvalidInput) as caught:
            merge_ranks([performer, other])
        assert caught.value.reason == "SNAPSHOT_APART"


def test_bfloat16_is_kept(performer: Snapshot, tmp_path: Path) -> None:
    """The number type of the cache is that of the file, also one that numpy does not know."""
    half = {head: tensor.to(torch.bfloat16) for head, tensor in performer.kv.keys_values.items()}
    write_snapshot(
        tmp_path / "half", dataclasses.replace(performer, kv=dataclasses.replace(performer.kv, keys_values=half))
    )
    read = read_snapshot(tmp_path / "half")
    assert all(torch.equal(read.kv.keys_values[head], tensor) for head, tensor in half.items())
