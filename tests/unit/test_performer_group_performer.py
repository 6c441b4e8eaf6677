"""What the service sends each rank."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from services.performer.commands import Append, Command, Open, Ready, Reserve
from services.performer.group_performer import GroupPerformer
from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.thinker import Thinker
from wan_streamer.errors import InvalidInput
from wan_streamer.model.presets import untrained


@dataclass
class Ranks:
    """Stands for supervisor and epoch: keeps what ranks are told."""

    ready: Ready = field(default_factory=lambda: Ready(config=tiny_config(), fingerprint="", dtype=torch.float32))
    told: list[tuple[Command, ...]] = field(default_factory=list)

    def epoch(self) -> "Ranks":
        return self

    def tell(self, *commands: Command) -> None:
        self.told.append(commands)


@pytest.mark.parametrize(("rank_count", "copies"), [(2, 1), (4, 2)])
def test_a_rank_receives_its_heads_only(rank_count: int, copies: int) -> None:
    """A slice is scattered by key-value head: the parts are the slice, each head once (or once for each rank that
    shares it), and no more bytes than that."""
    ranks = Ranks()
    performer = GroupPerformer(ranks, rank_count)  # type: ignore[arg-type]
    thinker = Thinker(untrained(tiny_config(), 0))
    kv_slice = thinker.hear_and_think(thinker.open(), random_unit(tiny_config(), 0))
    performer.append(performer.open(0), kv_slice)
    parts = [each.keys_values for each in ranks.told[-1] if isinstance(each, Append)]
    assert len(parts) == rank_count
    joined = np.concatenate(parts[::copies], axis=2)
    assert np.array_equal(joined, kv_slice.keys_values.numpy())
    assert all(np.array_equal(part, parts[rank // copies * copies]) for rank, part in enumerate(parts))
    assert sum(part.nbytes for part in parts) == copies * kv_slice.keys_values.nbytes


def test_a_bad_slice_reaches_no_rank() -> None:
    """What the service refuses, no rank hears of: a rank that fails would end everybody's epoch."""
    ranks = Ranks()
    performer = GroupPerformer(ranks, 2)  # type: ignore[arg-type]
    thinker = Thinker(untrained(tiny_config(), 0))
    kv_slice = thinker.hear_and_think(thinker.open(), random_unit(tiny_config(), 0))
    session = performer.open(0)
    performer.append(session, kv_slice)
    told_count = len(ranks.told)
    with pytest.raises(InvalidInput) as caught:
        performer.append(session, kv_slice)
    assert caught.value.reason == "UNIT_INDEX_PAST"
    assert len(ranks.told) == told_count
    assert torch.isfinite(kv_slice.keys_values).all()


def test_every_epoch_makes_memory_for_the_places() -> None:
    """Ranks hear of the places when they are promised and, in a later epoch, before its first session opens."""
    first = Ranks()
    performer = GroupPerformer(first, 2)  # type: ignore[arg-type]
    assert performer.reserve(3) == 3
    performer.open(0)
    second = Ranks()
    first.epoch = lambda: second  # type: ignore[method-assign]
    performer.open(1)
    performer.open(2)
    assert [type(command) for (command,) in first.told] == [Reserve, Open]
    assert [type(command) for (command,) in second.told] == [Reserve, Open, Open]
