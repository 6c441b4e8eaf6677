"""The engine on a GPU: what the CPU computes, as graphs, without waiting."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from tests.support.tiny import random_model, random_unit, tiny_config
from wan_streamer.engine.attention_kernel import check_kernel
from wan_streamer.engine.captured import Eager, Recorder, recorder_on
from wan_streamer.engine.number_type import serve_in
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.schedule import Duplex
from wan_streamer.engine.thinker import Thinker
from wan_streamer.errors import InvalidInput

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
CUDA = torch.device("cuda")
UNITS = 20


def conversation(device: torch.device, recorder: Recorder, *, lag: int = 0) -> tuple[torch.Tensor, list[str]]:
    """Video latents and words of a session, past every window."""
    model = random_model(tiny_config(lag=lag), torch.float32).to(device)
    duplex = Duplex(model, recorder)
    session, latents, said = duplex.open(3), [], []
    for k in range(UNITS):
        said.append(duplex.step(session, random_unit(model.config, k)).text)
        assert session.latents is not None
        latents.append(session.latents.video.cpu())
    return torch.stack(latents), said


@contextmanager
def never_waiting() -> Iterator[None]:
    """Within, whatever waits for the GPU is an error."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("lag", [0, 1])
def test_graphs_give_what_eager_passes_and_the_cpu_give(lag: int) -> None:
    """Latents and words of a whole conversation."""
    latents, said = conversation(CUDA, recorder_on(CUDA), lag=lag)
    eager, eager_said = conversation(CUDA, Eager(CUDA), lag=lag)
    cpu, cpu_said = conversation(torch.device("cpu"), Eager(torch.device("cpu")), lag=lag)
    assert said == eager_said == cpu_said
    torch.testing.assert_close(latents, eager, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(latents, cpu, rtol=1e-3, atol=1e-3)


def test_a_unit_waits_for_nothing() -> None:
    """From the user's tokens to the committed unit, but for the one read of its words."""
    model = serve_in(random_model(tiny_config(), torch.float32), "bfloat16").to(CUDA)
    thinker, performer = Thinker(model), Performer(model)
    hearing, solving = thinker.open(), performer.open(3)
    for k in range(8):
        kv_slice = thinker.hear_and_think(hearing, random_unit(model.config, k))
        performer.append(solving, kv_slice)
        with torch.inference_mode(), never_waiting():
            latents = performer.solve(solving, k)
            performer.commit(solving, latents)
            thinker.commit(hearing, latents)
            seat = hearing.seat
            seat.cache.move(seat.heard.place, k + 1)
            seat.state()
            seat.text()


def test_opening_captures_and_allocates_nothing() -> None:
    """Places that were reserved are there: opening a session takes no memory and runs in no time."""
    model = random_model(tiny_config(), torch.float32).to(CUDA)
    performer = Performer(model)
    assert performer.reserve(3) == 3
    before = torch.cuda.memory_allocated()
    sessions = [performer.open(seed) for seed in range(3)]
    assert torch.cuda.memory_allocated() == before
    assert len({session.cache.keys_values.data_ptr() for session in sessions}) == 3


def test_a_missing_kernel_is_said_at_the_start() -> None:
    """There is no fused kernel for float64 that takes a mask."""
    with pytest.raises(InvalidInput) as caught:
        check_kernel(tiny_config().backbone, CUDA, torch.float64)
    assert caught.value.reason == "ATTENTION_KERNEL"
