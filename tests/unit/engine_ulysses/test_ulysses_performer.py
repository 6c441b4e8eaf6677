"""P ranks against one process: the same latents, unit after unit, and exchanges that cost what is said."""

import functools
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.support.ranks import on_ranks
from tests.support.tiny import random_model, tiny_config
from tests.unit.engine_ulysses.replay import largest_difference, record, replay, same
from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.rank_group import RankGroup, Traffic
from wan_streamer.engine.ulysses.unit_traffic import unit_traffic
from wan_streamer.errors import InvalidInput
from wan_streamer.model.presets import preset

# Past every window of the tiny model, with a unit that never came.
UNIT_INDICES = [*range(9), *range(10, 15)]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize(
    ("rank_count", "heads"),
    [(1, (4, 2)), (2, (4, 2)), (4, (4, 2)), (3, (6, 3)), (4, (4, 1)), (3, (3, 1))],
    ids=lambda value: str(value).replace(" ", ""),
)
def test_ranks_solve_what_one_process_solves(
    rank_count: int, heads: tuple[int, int], dtype: torch.dtype, tolerance: float
) -> None:
    """Latents of a conversation equal those of one process (four video tokens: padded on three ranks), and are
    bit-identical on all ranks; each has only its heads' cache; collectives and bytes are those of the formula."""
    model = random_model(tiny_config(heads=heads), dtype)
    recording = record(model, UNIT_INDICES)
    ranks = on_ranks(rank_count, functools.partial(replay, model, recording))
    for rank in ranks:
        assert largest_difference(rank.latents, recording.latents) <= tolerance
        assert all(same(a, b) for a, b in zip(rank.latents, ranks[0].latents, strict=True))
        split = HeadSplit.of(model.config.backbone, rank_count)
        assert rank.cache_bytes * heads[1] == KvCache(model).byte_count * split.rank_kv_heads
        unit = unit_traffic(model.config, rank_count, number_bytes=dtype.itemsize)
        assert rank.traffic.collectives == unit.collectives * len(UNIT_INDICES)
        assert rank.traffic.sent_bytes == unit.sent_bytes * len(UNIT_INDICES)


@pytest.mark.parametrize(("name", "fitting"), [("nano", {1, 2, 4}), ("v0_1", {1, 2, 4, 8, 16}), ("v0_2", {1, 2, 4, 8})])
def test_presets_run_on_these_numbers_of_ranks(name: str, fitting: set[int]) -> None:
    """The presets run on 1, 2 and 4 ranks; three are refused with a message that names the numbers that fit."""
    backbone = preset(name).backbone
    for rank_count in fitting:
        split = HeadSplit.of(backbone, rank_count)
        assert split.rank_heads * rank_count == backbone.head_count
    with pytest.raises(InvalidInput, match=r"got 3 ranks .* expected .* start the group with 1 or 2 or 4") as caught:
        HeadSplit.of(backbone, 3)
    assert caught.value.reason == "RANKS"


class Collectives(TorchDispatchMode):
    """Counts what torch itself is asked to exchange, below our code."""

    def __init__(self, rank_count: int) -> None:
        super().__init__()
        self.rank_count = rank_count
        self.traffic = Traffic()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name()
        if name.startswith("c10d::"):
            sent_bytes = args[1].numel() * args[1].element_size()
            # All of it to each of the others, or another part to each.
            copies = 1 if "allgather" in name else self.rank_count
            self.traffic.collectives += 1
            self.traffic.sent_bytes += sent_bytes // copies * (self.rank_count - 1)
        return func(*args, **kwargs or {})


@pytest.mark.parametrize("rank_count", [2, 4])
def test_torch_exchanges_what_is_counted(rank_count: int) -> None:
    """Two exchanges a layer and pass and one at the end is all that reaches torch.distributed, byte for byte."""
    model = random_model(tiny_config(), torch.float32)
    recording = record(model, [0, 1])

    def counted(group: RankGroup) -> tuple[Traffic, Traffic]:
        with Collectives(group.rank_count) as collectives:
            return collectives.traffic, replay(model, recording, group).traffic

    unit = unit_traffic(model.config, rank_count, number_bytes=4)
    for seen, counted_by_us in on_ranks(rank_count, counted):
        assert seen == counted_by_us
        assert seen == Traffic(collectives=2 * unit.collectives, sent_bytes=2 * unit.sent_bytes)


def test_what_a_unit_costs_is_counted_by_hand() -> None:
    """The formula against a count on fingers: P = 2 of the tiny model in float32."""
    # 3 passes of 3 layers. In: 2 of 4 video tokens, 2 query heads and one of keys and values each, 8 numbers a head.
    # Back: 2 video tokens and all 4 audio tokens, 2 heads. At the end 2 video tokens of 5 channels.
    numbers = 3 * 3 * (2 * (2 + 1 + 1) * 8 + (2 + 4) * 2 * 8) + 2 * 5
    unit = unit_traffic(tiny_config(), 2, number_bytes=4)
    assert (unit.collectives, unit.sent_bytes) == (2 * 3 * 3 + 1, 4 * numbers)
