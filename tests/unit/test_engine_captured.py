"""Passes that are recorded once and replayed for every unit give what Python gives."""

import numpy as np
import pytest
import torch

from tests.support.tape import TapeRecorder, ValueRead
from tests.support.tiny import random_model, random_unit, tiny_config
from wan_streamer.engine.attention_kernel import check_kernel
from wan_streamer.engine.captured import Eager, recorder_on
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.schedule import Duplex
from wan_streamer.engine.seats import Seats
from wan_streamer.engine.thinker import Thinker
from wan_streamer.errors import InvalidInput
from wan_streamer.model.vocabulary import vocabulary_named

# Through the sink, past every window, and after a gap.
UNITS = (*range(14), 20, 21)
CPU = torch.device("cpu")


@pytest.mark.parametrize("lag", [0, 1])
def test_a_tape_recorded_before_the_first_unit_serves_every_session(lag: int) -> None:
    """Two sessions one after the other on one seat, replayed without Python, give bit for bit what running gives:
    nothing in a pass hangs on a number of Python's, on a tensor of an earlier unit or on the session before."""
    model, recorder = random_model(tiny_config(lag=lag), torch.float32), TapeRecorder()
    eager, taped = Duplex(model), Duplex(model, recorder)
    said = set()
    for seed in (3, 4):
        stays, replayed = eager.open(seed), taped.open(seed)
        for k in UNITS:
            user = random_unit(model.config, k, seed)
            a, b = eager.step(stays, user), taped.step(replayed, user)
            assert a.text == b.text
            assert np.array_equal(a.audio, b.audio)
            assert np.array_equal(a.video, b.video)
            assert stays.latents is not None
            assert replayed.latents is not None
            assert torch.equal(stays.latents.video, replayed.latents.video)
            said.add(a.text)
        taped.close(replayed)
    # state, text and commit of the thinker, solver and clean pass of the performer; recorded for one seat each.
    assert recorder.replays == 2 * len(UNITS) * 5
    assert len(said) > 1, "the words never change, so the test would not notice much"


@pytest.mark.parametrize("seed", [1, 2])
def test_words_end_where_they_end_when_nobody_may_look(seed: int) -> None:
    """Running to the end of the unit without reading gives the words and the slice that stopping early gives."""
    model = random_model(tiny_config(), torch.float64)
    # These seeds end some units after their first word, or after their second.
    end = torch.randn(model.config.backbone.width, generator=torch.Generator().manual_seed(seed))
    model.text_head.weight[vocabulary_named(model.config.vocabulary).end] = 1.2 * end
    stopping, running = Thinker(model, Eager(CPU)), Thinker(model, TapeRecorder())
    a, b = stopping.open(), running.open()
    counts = set()
    for k in range(16):
        user = random_unit(model.config, k)
        first, second = stopping.hear_and_think(a, user), running.hear_and_think(b, user)
        assert a.words[k] == b.words[k]
        assert torch.equal(first.keys_values, second.keys_values)
        counts.add(first.text_token_count)
        a.open_units.clear()
        b.open_units.clear()
    assert len(counts) > 1, "every unit has as many words, so the test would not notice much"


def test_a_pass_that_looks_at_its_tensors_cannot_be_recorded() -> None:
    """The tape notices what a capture would refuse, so that the tests above can fail."""
    seen = torch.zeros(3)

    def work() -> None:
        seen.fill_(float(seen.sum()))

    with pytest.raises(ValueRead):
        TapeRecorder().record(work)


def test_a_number_of_pythons_stays_as_it_was_recorded() -> None:
    """A tape forgets Python: what a unit changes outside of tensors does not reach a replay."""
    state, out = {"unit": 1}, torch.zeros(1)

    def work() -> None:
        out.fill_(state["unit"])

    replay = TapeRecorder().record(work)
    state["unit"] = 2
    replay()
    assert out.item() == 1


def test_opening_takes_a_seat_that_was_made_ahead() -> None:
    """Nothing is allocated or recorded when a session opens, and a closed one's seat is as new."""
    performer = Performer(random_model(tiny_config(), torch.float32))
    assert performer.reserve(2) == 2
    first, second = performer.open(1), performer.open(2)
    assert first.cache is not second.cache
    first.cache.keys_values.fill_(1)
    performer.close(first)
    with pytest.raises(AssertionError):
        performer.close(first)
    third = performer.open(3)
    assert third.cache is first.cache
    assert not third.cache.keys_values.any()
    assert (third.cache.state().units_N == -1).all()


class Room:
    """Memory for some seats."""

    def __init__(self, seats: int) -> None:
        self.left = seats

    def __call__(self) -> "Room":
        if not self.left:
            raise torch.OutOfMemoryError("full")
        self.left -= 1
        return self

    def clear(self) -> None:
        """Nothing is kept."""


def test_a_full_gpu_seats_fewer() -> None:
    """As many sessions as there is room for, less one for encoders and decoders; for none it says what to do."""
    assert Seats(Room(9)).reserve(3) == 3
    assert Seats(Room(4)).reserve(9) == 3
    with pytest.raises(InvalidInput, match="do not fit") as caught:
        Seats(Room(1)).reserve(2)
    assert caught.value.reason == "MEMORY"


def test_a_missing_kernel_is_said_at_the_start() -> None:
    """A kernel that this device does not have is an error in words, not another kernel."""
    with pytest.raises(InvalidInput, match=r"no kernel EFFICIENT_ATTENTION .* --dtype") as caught:
        check_kernel(tiny_config().backbone, CPU, torch.float32)
    assert caught.value.reason == "ATTENTION_KERNEL"


def test_processors_run_passes_as_they_are() -> None:
    """Without a GPU there is nothing to capture, and words may be read as they come."""
    assert recorder_on(CPU) == Eager(CPU)
    assert Eager(CPU).may_read
    assert not Eager(torch.device("cuda")).may_read
