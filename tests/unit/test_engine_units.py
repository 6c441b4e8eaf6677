"""The engine's promises: whole units or nothing, isolation, flat memory, clear refusals."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.exchange import AgentOutput, KvSlice
from wan_streamer.engine.schedule import Duplex, DuplexSession
from wan_streamer.errors import InvalidInput
from wan_streamer.model.presets import untrained
from wan_streamer.unit import FRAMES_PER_UNIT

UNITS = 12


@pytest.fixture(params=[0, 1], ids=["lag0", "lag1"])
def duplex(request: pytest.FixtureRequest) -> Duplex:
    return Duplex(untrained(tiny_config(lag=request.param), 0))


def same(a: AgentOutput, b: AgentOutput) -> bool:
    return a.text == b.text and np.array_equal(a.audio, b.audio) and np.array_equal(a.video, b.video)


def converse(duplex: Duplex, session: DuplexSession, seed: int, units: range) -> list[AgentOutput]:
    return [duplex.step(session, random_unit(duplex.thinker.model.config, k, seed)) for k in units]


def test_interleaved_sessions_equal_each_alone(duplex: Duplex) -> None:
    """Two conversations that take turns on one engine give, bit for bit, what each gives alone."""
    alone = [converse(duplex, duplex.open(seed), seed, range(UNITS)) for seed in (1, 2)]
    sessions = [duplex.open(1), duplex.open(2)]
    for k in range(UNITS):
        for seed, session, expected in zip((1, 2), sessions, alone, strict=True):
            assert same(converse(duplex, session, seed, range(k, k + 1))[0], expected[k])
    assert not same(alone[0][-1], alone[1][-1])


def test_history_is_used(duplex: Duplex) -> None:
    """What was said before changes the answer now: the cache is no decoration."""
    session, other = duplex.open(1), duplex.open(1)
    converse(duplex, session, 1, range(4))
    converse(duplex, other, 9, range(4))
    config = duplex.thinker.model.config
    duplex.step(session, random_unit(config, 4))
    duplex.step(other, random_unit(config, 4))
    assert session.latents is not None
    assert other.latents is not None
    assert not torch.equal(session.latents.video, other.latents.video)


def test_unit_shapes_and_types(duplex: Duplex) -> None:
    """A unit of the agent is 160 ms of int16 sound and four uint8 pictures."""
    output = converse(duplex, duplex.open(0), 0, range(1))[0]
    assert (output.audio.dtype, output.audio.shape) == (np.int16, (1280,))
    assert (output.video.dtype, output.video.shape) == (np.uint8, (FRAMES_PER_UNIT, 32, 32, 3))


def test_memory_and_visible_history_stay_flat(duplex: Duplex) -> None:
    """A session allocates its cache at the start; after many windows nothing has grown."""
    session = duplex.open(0)
    before = [cache.keys_values.data_ptr() for cache in (session.thinker.cache, session.performer.cache)]
    slots = session.performer.cache.slot_count
    converse(duplex, session, 0, range(40))
    assert [cache.keys_values.data_ptr() for cache in (session.thinker.cache, session.performer.cache)] == before
    assert session.performer.cache.slot_count == slots
    assert not session.thinker.words
    assert not session.thinker.open_units


def test_a_failed_unit_leaves_no_trace_on_the_performer() -> None:
    """A unit that is appended, solved and discarded changes nothing for the next, also when the ring is full."""
    duplex = Duplex(untrained(tiny_config(), 0))
    thinker, performer = duplex.thinker, duplex.performer
    config = thinker.model.config
    clean, torn = duplex.open(3), duplex.open(3)
    converse(duplex, clean, 3, range(UNITS))
    converse(duplex, torn, 3, range(UNITS))
    bad = thinker.hear_and_think(thinker.open(), random_unit(config, UNITS, seed=77))
    performer.append(torn.performer, bad)
    performer.solve(torn.performer, UNITS)
    performer.discard(torn.performer, UNITS)
    for session in (clean, torn):
        duplex.step(session, random_unit(config, UNITS + 1, seed=3))
    assert clean.latents is not None
    assert torn.latents is not None
    assert torch.equal(clean.latents.audio, torn.latents.audio)
    assert torch.equal(clean.latents.video, torn.latents.video)


def test_a_skipped_unit_leaves_no_trace_on_the_thinker() -> None:
    """A unit whose latents never come is forgotten: its words and what was heard are seen by no later unit."""
    duplex = Duplex(untrained(tiny_config(), 0))
    thinker, config = duplex.thinker, duplex.thinker.model.config
    session = duplex.open(3)
    converse(duplex, session, 3, range(UNITS))
    thinker.hear_and_think(session.thinker, random_unit(config, UNITS))
    thinker.discard(session.thinker, UNITS)
    assert UNITS not in session.thinker.cache._units_N.tolist()
    assert thinker.may_think(session.thinker)
    duplex.step(session, random_unit(config, UNITS + 1))


def test_hearing_ahead_changes_nothing(duplex: Duplex) -> None:
    """Units that are heard before the unit before is decoded and committed give the simple loop's bits."""
    expected = converse(duplex, duplex.open(3), 3, range(UNITS))
    thinker, performer, config = duplex.thinker, duplex.performer, duplex.thinker.model.config
    session = duplex.open(3)
    thinker.hear(session.thinker, random_unit(config, 0, 3))
    for k in range(UNITS):
        performer.append(session.performer, thinker.think(session.thinker))
        thinker.hear(session.thinker, random_unit(config, k + 1, 3))
        latents = performer.solve(session.performer, k)
        assert same(thinker.decode(session.thinker, latents), expected[k])
        performer.commit(session.performer, latents)
        thinker.commit(session.thinker, latents)


def test_catching_up_changes_nothing(duplex: Duplex) -> None:
    """Units that are decoded while the next one is solved, after it was thought of, give the simple loop's bits."""
    expected = converse(duplex, duplex.open(3), 3, range(UNITS))
    thinker, performer, config = duplex.thinker, duplex.performer, duplex.thinker.model.config
    session = duplex.open(3)
    thinker.hear(session.thinker, random_unit(config, 0, 3))
    performer.append(session.performer, thinker.think(session.thinker))
    for k in range(UNITS):
        thinker.hear(session.thinker, random_unit(config, k + 1, 3))
        latents = performer.solve(session.performer, k)
        performer.commit(session.performer, latents)
        thinker.commit(session.thinker, latents)
        performer.append(session.performer, thinker.think(session.thinker))
        assert same(thinker.decode(session.thinker, latents), expected[k])


def test_lag_states_how_far_the_thinker_may_run_ahead(duplex: Duplex) -> None:
    """With lag 0 the next state pass waits for the latents, with lag 1 one unit may be open."""
    config = duplex.thinker.model.config
    session = duplex.open(0).thinker
    allowed = []
    for k in range(3):
        allowed.append(duplex.thinker.may_think(session))
        if allowed[-1]:
            duplex.thinker.hear_and_think(session, random_unit(config, k))
    assert allowed == ([True, False, False] if config.lag == 0 else [True, True, False])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"unit_index": 0}, "UNIT_INDEX_PAST"),
        ({"audio": np.zeros(7, np.float32)}, "TENSOR_SHAPE"),
        ({"video": np.zeros((4, 8, 8, 3), np.uint8)}, "TENSOR_SHAPE"),
        ({"audio": np.full(1280, np.nan, np.float32)}, "NOT_FINITE"),
    ],
)
def test_bad_user_units_are_refused_and_change_nothing(change: dict[str, object], reason: str) -> None:
    """A refused unit says why, and the conversation goes on as if it had not come."""
    duplex = Duplex(untrained(tiny_config(), 0))
    config = duplex.thinker.model.config
    session, untouched = duplex.open(1), duplex.open(1)
    for each in (session, untouched):
        duplex.step(each, random_unit(config, 0))
    with pytest.raises(InvalidInput) as caught:
        duplex.step(session, dataclasses.replace(random_unit(config, 1), **change))  # type: ignore[arg-type]
    assert caught.value.reason == reason
    a, b = (duplex.step(each, random_unit(config, 1)) for each in (session, untouched))
    assert same(a, b)


def test_bad_slices_are_refused() -> None:
    """The performer refuses slices from the past, of another shape, or without words."""
    duplex = Duplex(untrained(tiny_config(), 0))
    good = duplex.thinker.hear_and_think(duplex.thinker.open(), random_unit(duplex.thinker.model.config, 0))
    session = duplex.performer.open(0)
    duplex.performer.append(session, good)
    cases: list[tuple[KvSlice, str]] = [
        (good, "UNIT_INDEX_PAST"),
        (dataclasses.replace(good, unit_index=1, keys_values=good.keys_values[..., :4]), "TENSOR_SHAPE"),
        (dataclasses.replace(good, unit_index=1, text_token_count=0), "TEXT_TOKEN_COUNT"),
    ]
    for kv_slice, reason in cases:
        with pytest.raises(InvalidInput) as caught:
            duplex.performer.append(session, kv_slice)
        assert caught.value.reason == reason
