"""Heads are kept one by one, so that a group of another size takes what it needs."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tiny import tiny_config
from wan_streamer.engine.kv_state import KvState, merge_heads, take_heads
from wan_streamer.engine.snapshot.file import read_snapshot, write_snapshot
from wan_streamer.engine.snapshot.snapshot import Snapshot, merge_ranks, take_rank
from wan_streamer.errors import InvalidInput


def whole(head_count: int) -> KvState:
    generator = torch.Generator().manual_seed(head_count)
    return KvState(
        keys_values={head: torch.randn(3, 2, 7, 4, generator=generator) for head in range(head_count)},
        sink_keys={head: torch.randn(3, 2, 4, generator=generator) for head in range(head_count)},
        units_N=torch.arange(7),
        committed_units=(1, 2, 3, 4, 5),
        sink_shift_units=6,
    )


def heads_of(rank: int, ranks: int, head_count: int) -> list[int]:
    """Ulysses: equal shares of heads; where ranks outnumber heads, neighbours keep the same one."""
    if ranks > head_count:
        return [rank * head_count // ranks]
    each = head_count // ranks
    return list(range(rank * each, (rank + 1) * each))


def same(a: KvState, b: KvState) -> bool:
    return (
        a.heads == b.heads
        and all(torch.equal(a.keys_values[head], b.keys_values[head]) for head in a.heads)
        and all(torch.equal(a.sink_keys[head], b.sink_keys[head]) for head in a.heads)
        and torch.equal(a.units_N, b.units_N)
        and (a.committed_units, a.sink_shift_units) == (b.committed_units, b.sink_shift_units)
    )


@given(exponents=st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 4)))
@settings(max_examples=40, deadline=None)
def test_any_group_becomes_any_other(exponents: tuple[int, int, int]) -> None:
    """From P ranks to Q by way of the whole: each new rank has exactly its heads, also replicated ones."""
    head_count, old_ranks, new_ranks = (2**exponent for exponent in exponents)
    state = whole(head_count)
    old = [take_heads(state, heads_of(rank, old_ranks, head_count)) for rank in range(old_ranks)]
    merged = merge_heads(old)
    assert same(merged, state)
    for rank in range(new_ranks):
        heads = heads_of(rank, new_ranks, head_count)
        part = take_heads(merged, heads)
        assert part.heads == tuple(heads)
        assert all(part.keys_values[head].data_ptr() == state.keys_values[head].data_ptr() for head in heads)


def test_two_files_become_four(tmp_path: Path) -> None:
    """The files of two ranks are read as one session, of which four ranks each read their own heads."""
    snapshot = Snapshot(process="performer", fingerprint="f", config=tiny_config(), unit_index=4, kv=whole(8), seed=1)
    for rank in range(2):
        write_snapshot(tmp_path / f"old-{rank}", take_rank(snapshot, heads_of(rank, 2, 8)))
    merged = merge_ranks([read_snapshot(tmp_path / f"old-{rank}") for rank in range(2)])
    assert same(merged.kv, snapshot.kv)
    write_snapshot(tmp_path / "whole", merged)
    for rank in range(4):
        heads = heads_of(rank, 4, 8)
        assert same(read_snapshot(tmp_path / "whole", heads).kv, take_heads(snapshot.kv, heads))


def test_heads_that_are_elsewhere_are_named(tmp_path: Path) -> None:
    """A rank that asks for heads which are not there learns which are missing."""
    part = take_heads(whole(4), (0, 1))
    with pytest.raises(InvalidInput, match=r"\[2\]") as caught:
        take_heads(part, (1, 2))
    assert caught.value.reason == "SNAPSHOT_HEADS"
    write_snapshot(
        tmp_path / "half",
        Snapshot(process="performer", fingerprint="f", config=tiny_config(), unit_index=4, kv=part, seed=1),
    )
    with pytest.raises(InvalidInput, match=r"\[3\]") as caught:
        read_snapshot(tmp_path / "half", (3,))
    assert caught.value.reason == "SNAPSHOT_HEADS"
