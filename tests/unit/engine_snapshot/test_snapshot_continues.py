"""A session restored from its snapshots goes on as if nothing had happened, to the last bit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.exchange import AgentOutput, KvSlice
from wan_streamer.engine.schedule import Duplex, DuplexSession
from wan_streamer.engine.snapshot.file import read_snapshot, write_snapshot
from wan_streamer.engine.snapshot.sessions import Snapshots
from wan_streamer.engine.snapshot.snapshot import check_together
from wan_streamer.errors import InvalidInput
from wan_streamer.model.presets import untrained

SEED = 3
UNITS_AFTER = 12
# Before the first unit, in the sink, as the sink begins to turn, far past every window.
CUTS = (0, 1, 8, 30)


def duplex_of(lag: int) -> Duplex:
    """Each with weights of its own, as in another process."""
    return Duplex(untrained(tiny_config(lag=lag), 0))


def same(a: AgentOutput, b: AgentOutput) -> bool:
    return a.text == b.text and np.array_equal(a.audio, b.audio) and np.array_equal(a.video, b.video)


def moved(duplex: Duplex, session: DuplexSession, other: Duplex, folder: Path) -> DuplexSession:
    """The session on other engines, by way of files."""
    thinker, performer = folder / "thinker.safetensors", folder / "performer.safetensors"
    here = Snapshots(duplex.thinker.model)
    write_snapshot(thinker, here.of_thinker(session.thinker, {}))
    write_snapshot(performer, here.of_performer(session.performer, {}))
    check_together(read_snapshot(thinker), read_snapshot(performer))
    there = Snapshots(other.thinker.model)
    return DuplexSession(
        there.restore_thinker(other.thinker, read_snapshot(thinker)),
        there.restore_performer(other.performer, read_snapshot(performer)),
    )


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("lag", [0, 1])
def test_a_moved_session_goes_on_bit_for_bit(lag: int, cut: int, tmp_path: Path) -> None:
    """Sound, pictures, words and latents of many units after the cut equal those of the session that stayed."""
    here, there = duplex_of(lag), duplex_of(lag)
    stayed = here.open(SEED)
    for k in range(cut):
        here.step(stayed, random_unit(tiny_config(), k))
    went = moved(here, stayed, there, tmp_path)
    for k in range(cut, cut + UNITS_AFTER):
        user = random_unit(tiny_config(), k)
        assert same(here.step(stayed, user), there.step(went, user)), k
        assert stayed.latents is not None
        assert went.latents is not None
        assert torch.equal(stayed.latents.audio, went.latents.audio)
        assert torch.equal(stayed.latents.video, went.latents.video)


def test_a_snapshot_is_not_changed_by_what_comes_after(tmp_path: Path) -> None:
    """The file holds the moment it was taken at: restored twice, once after more units, it gives the same."""
    duplex = duplex_of(0)
    session = duplex.open(SEED)
    for k in range(9):
        duplex.step(session, random_unit(tiny_config(), k))
    first = moved(duplex, session, duplex, tmp_path)
    later = [duplex.step(session, random_unit(tiny_config(), k)) for k in range(9, 12)]
    assert all(
        same(duplex.step(first, random_unit(tiny_config(), k)), output)
        for k, output in zip(range(9, 12), later, strict=True)
    )


def test_a_unit_on_its_way_is_kept_by_either_process(tmp_path: Path) -> None:
    """Taken between state pass and latents, or between slice and solver, each part still goes on bit for bit."""
    here, there = duplex_of(1), duplex_of(1)
    session = here.open(SEED)
    for k in range(10):
        here.step(session, random_unit(tiny_config(), k))
    kv_slice: KvSlice = here.thinker.hear_and_think(session.thinker, random_unit(tiny_config(), 10))
    here.performer.append(session.performer, kv_slice)
    snapshots, restored = Snapshots(here.thinker.model), Snapshots(there.thinker.model)
    thinker, performer = (
        snapshots.of_thinker(session.thinker, {}),
        snapshots.of_performer(session.performer, {}),
    )
    with pytest.raises(InvalidInput) as caught:
        check_together(thinker, performer)
    assert caught.value.reason == "SNAPSHOT_APART"
    write_snapshot(tmp_path / "t", thinker)
    write_snapshot(tmp_path / "p", performer)
    went = DuplexSession(
        restored.restore_thinker(there.thinker, read_snapshot(tmp_path / "t")),
        restored.restore_performer(there.performer, read_snapshot(tmp_path / "p")),
    )
    outputs = []
    for duplex, each in ((here, session), (there, went)):
        latents = duplex.performer.solve(each.performer, 10)
        outputs.append([duplex.thinker.decode(each.thinker, latents)])
        duplex.performer.commit(each.performer, latents)
        duplex.thinker.commit(each.thinker, latents)
        outputs[-1] += [duplex.step(each, random_unit(tiny_config(), k)) for k in range(11, 20)]
    assert all(same(a, b) for a, b in zip(*outputs, strict=True))


def test_half_a_character_is_kept(tmp_path: Path) -> None:
    """Words that end in the middle of a UTF-8 character are completed by those after the move."""
    duplex = duplex_of(0)
    session = duplex.open(SEED)
    sign = list("ä".encode())
    assert session.thinker.text.feed(sign[:1]) == ""
    went = moved(duplex, session, duplex, tmp_path)
    assert went.thinker.text.feed(sign[1:]) == "ä"


def test_origin_and_facts_come_back(tmp_path: Path) -> None:
    """What the caller said of the session, the seed and the last unit are in the file."""
    duplex = duplex_of(0)
    session = duplex.open(SEED)
    duplex.step(session, random_unit(tiny_config(), 0))
    origin = {"session_id": "a", "generation": 2, "epoch": 17, "group": "performer-0"}
    write_snapshot(tmp_path / "p", Snapshots(duplex.thinker.model).of_performer(session.performer, origin))
    snapshot = read_snapshot(tmp_path / "p")
    assert (snapshot.origin, snapshot.seed, snapshot.unit_index) == (origin, SEED, 0)
    assert snapshot.config == tiny_config()
    assert not list(tmp_path.glob("*.tmp"))
