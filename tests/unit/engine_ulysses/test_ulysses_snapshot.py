"""A session moves from a group of ranks to one of another size, in files, and loses nothing."""

import copy
from pathlib import Path

import pytest
import torch

from tests.support.ranks import on_ranks
from tests.support.tiny import random_model, tiny_config
from tests.unit.engine_ulysses.replay import SEED, Recording, largest_difference, rank_slice, record, same
from wan_streamer.engine.exchange import Latents
from wan_streamer.engine.performer import PerformerSession
from wan_streamer.engine.snapshot.file import read_snapshot, write_snapshot
from wan_streamer.engine.snapshot.sessions import Snapshots
from wan_streamer.engine.snapshot.snapshot import Snapshot, merge_ranks, take_rank
from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.performer import UlyssesPerformer
from wan_streamer.engine.ulysses.rank_group import RankGroup

# Past every window of the tiny model before the session moves, with a unit that never came.
UNIT_INDICES = [*range(9), *range(10, 15)]
MOVES_AFTER = 10
MODEL = random_model(tiny_config(), torch.float64)
SNAPSHOTS = Snapshots(MODEL)


def heads_of(group: RankGroup) -> range:
    part = HeadSplit.of(MODEL.config.backbone, group.rank_count).kv_slice(group.rank)
    return range(part.start, part.stop)


def go_on(performer: UlyssesPerformer, session: PerformerSession, recording: Recording, units: slice) -> list[Latents]:
    heads = HeadSplit.of(MODEL.config.backbone, performer.group.rank_count)
    latents = []
    for kv_slice in recording.slices[units]:
        performer.append(session, rank_slice(kv_slice, heads, performer.group.rank))
        latents.append(performer.solve(session, kv_slice.unit_index))
        performer.commit(session, latents[-1])
    return latents


def snapshot_of(session: PerformerSession, group: RankGroup) -> Snapshot:
    return SNAPSHOTS.of_performer(session, {"rank": group.rank}, first_head=heads_of(group)[0])


@pytest.mark.parametrize(("before", "after"), [(2, 2), (2, 4), (4, 2), (2, 1)])
def test_a_session_moves_between_groups(before: int, after: int, tmp_path: Path) -> None:
    """After the move every rank has its heads of the cache bit for bit, and goes on bit for bit as it would with the
    state itself instead of files; as one process to 1e-10; and bit for bit as before where the group is as large."""
    recording = record(MODEL, UNIT_INDICES)

    def leave(group: RankGroup) -> tuple[Snapshot, list[Latents]]:
        performer = UlyssesPerformer(MODEL, group)
        session = performer.open(SEED)
        go_on(performer, session, recording, slice(MOVES_AFTER))
        write_snapshot(tmp_path / f"{group.rank}.safetensors", snapshot_of(session, group))
        itself = copy.deepcopy(snapshot_of(session, group))
        return itself, go_on(performer, session, recording, slice(MOVES_AFTER, None))

    def arrive(group: RankGroup, source: Snapshot) -> tuple[Snapshot, list[Latents]]:
        performer = UlyssesPerformer(MODEL, group)
        session = SNAPSHOTS.restore_performer(performer, take_rank(source, heads_of(group)))
        write_snapshot(tmp_path / f"again-{group.rank}.safetensors", snapshot_of(session, group))
        again = read_snapshot(tmp_path / f"again-{group.rank}.safetensors")
        return again, go_on(performer, session, recording, slice(MOVES_AFTER, None))

    stayed = on_ranks(before, leave)
    moved = merge_ranks([read_snapshot(tmp_path / f"{rank}.safetensors") for rank in range(before)])
    arrived = on_ranks(after, lambda group: arrive(group, moved))
    handed_over = on_ranks(after, lambda group: arrive(group, merge_ranks([itself for itself, _ in stayed])))
    merged = merge_ranks([again for again, _ in arrived])
    assert merged.kv.heads == moved.kv.heads == (0, 1)
    for head in moved.kv.heads:
        assert torch.equal(merged.kv.keys_values[head], moved.kv.keys_values[head])
        assert torch.equal(merged.kv.sink_keys[head], moved.kv.sink_keys[head])
    for (_, latents), (_, without_files) in zip(arrived, handed_over, strict=True):
        assert all(same(a, b) for a, b in zip(latents, without_files, strict=True))
        assert largest_difference(latents, recording.latents[MOVES_AFTER:]) <= 1e-10
        if before == after:
            assert all(same(a, b) for a, b in zip(latents, stayed[0][1], strict=True))
