"""A session's memory is taken when it opens; what comes after takes none."""

import gc

import pytest
import torch

from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.budget import budget_of
from wan_streamer.engine.schedule import Duplex
from wan_streamer.model.presets import untrained

WARM_UP_UNITS, UNITS = 2, 30


def tensor_bytes() -> int:
    """Bytes of all tensors that are alive in this process, each piece of memory once."""
    gc.collect()
    tensors = (thing for thing in gc.get_objects() if isinstance(thing, torch.Tensor))
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


@pytest.mark.parametrize("lag", [0, pytest.param(1, marks=pytest.mark.long)])
def test_memory_is_taken_at_the_start_and_constant_after(lag: int) -> None:
    """All that a session holds is there before its first unit, and not a byte more is alive far past every window."""
    config = tiny_config(lag=lag)
    duplex = Duplex(untrained(config, 0))
    promised = sum(budget_of(config).session_bytes.values())
    before = tensor_bytes()
    session = duplex.open(0)
    opened = tensor_bytes()
    assert opened - before == promised
    held = []
    for k in range(UNITS):
        duplex.step(session, random_unit(config, k))
        session.latents = None
        held.append(tensor_bytes())
    assert set(held[WARM_UP_UNITS:]) == {opened}
