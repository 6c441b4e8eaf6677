"""Admission by phases: what is promised is kept, and not more than that is promised."""

import itertools

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.simulation import JobTimes, in_phases, simulate
from services.gateway.clock import until_phase_us
from services.thinker.slots import Slots
from wan_streamer.engine.phases import USABLE_SHARE, distance_us, free_phase_us, session_capacity
from wan_streamer.errors import CapacityExhausted
from wan_streamer.unit import UNIT_MS, UNIT_US

HOP_MS = 1.0
# Of the 200 ms that a unit may take the gateway and the wire get 40.
ANSWER_LIMIT_MS = 160.0
COST_MS = st.floats(0.2, 60)


def phases_of(count: int) -> list[int]:
    """The phases of sessions that come one after the other."""
    taken: list[int] = []
    for _ in range(count):
        taken.append(free_phase_us(taken, count))
    return taken


@given(
    capacity=st.integers(1, 12),
    steps=st.lists(st.tuples(st.sampled_from(["reserve", "attach", "leave"]), st.integers(0, 20)), max_size=60),
)
@settings(max_examples=60, deadline=None)
def test_sessions_that_come_and_go_never_share_a_phase(capacity: int, steps: list[tuple[str, int]]) -> None:
    """Live and reserved sessions are a whole phase apart; every promised place is given before the next is refused."""

    slots, live = Slots(capacity, reservation_s=60), set[str]()
    for action, number in steps:
        name = str(number)
        known = {*live, *slots._reserved}
        if action == "reserve" and name not in known and len(known) == capacity:
            with pytest.raises(CapacityExhausted):
                slots.reserve(name)
        elif action == "reserve":
            slots.reserve(name)
        elif action == "attach" and slots.take(name) is not None:
            live.add(name)
        elif action == "leave" and name in live:
            slots.release(name)
            live.remove(name)
        phases = slots._phases_us()
        assert len(phases) == slots.taken_count <= capacity
        assert all(distance_us(a, b) >= UNIT_US // capacity for a, b in itertools.combinations(phases, 2))


@given(
    times=st.builds(
        JobTimes, hear=COST_MS, think=COST_MS, solve=COST_MS, decode=COST_MS, clean=COST_MS, commit=COST_MS
    ),
    lag=st.integers(0, 1),
)
@settings(max_examples=80, deadline=None)
def test_at_the_promised_number_no_unit_is_late(times: JobTimes, lag: int) -> None:
    """With as many sessions as the measured cost promises, each in its phase, every unit is answered in its tick."""
    alone_ms = times.hear + times.think + times.solve + times.decode + 2 * HOP_MS
    assume(alone_ms <= ANSWER_LIMIT_MS)
    # One session alone must get around within the tick, too: else its commits push what comes after, with any lag.
    assume(alone_ms + times.commit <= UNIT_MS)
    count = session_capacity(max(times.thinker_ms, times.performer_ms))
    assume(max(times.thinker_ms, times.performer_ms) <= UNIT_MS * USABLE_SHARE)
    arrivals = in_phases([phase_us / 1e3 for phase_us in phases_of(min(count, 40))], 12)
    outcome = simulate(arrivals, times, lag=lag, hop_ms=HOP_MS)
    assert max(max(latencies) for latencies in outcome.latencies_ms) <= ANSWER_LIMIT_MS


def test_phases_are_what_keeps_sessions_from_waiting() -> None:
    """nano's two sessions wait for nothing in their phases, and one waits for the other where they fall together."""
    nano = JobTimes(hear=8, think=12, solve=24, decode=10, clean=13, commit=13)
    alone_ms = nano.hear + nano.think + nano.solve + nano.decode
    assert session_capacity(max(nano.thinker_ms, nano.performer_ms)) == 2
    apart = simulate(in_phases([phase_us / 1e3 for phase_us in phases_of(2)], 12), nano, lag=0)
    together = simulate(in_phases([0.0, 0.0], 12), nano, lag=0)
    assert {latency for latencies in apart.latencies_ms for latency in latencies} == {alone_ms}
    assert max(together.latencies_ms[1]) >= alone_ms + nano.hear


def test_the_performers_places_bound_the_phases() -> None:
    """Where the performer group admits fewer sessions, the tick is divided for so many."""
    slots = Slots(4, reservation_s=60)
    for name in ("a", "b"):
        slots.reserve(name, most=2)
    assert sorted(slots._phases_us()) == [0, UNIT_US // 2]
    with pytest.raises(CapacityExhausted, match="all 2 places"):
        slots.reserve("c", most=2)


def test_a_repeated_reservation_keeps_its_phase() -> None:
    """Asking again for the same session changes neither its phase nor the number of places taken."""
    slots = Slots(4, reservation_s=60)
    slots.reserve("a")
    slots.reserve("b")
    before = slots._phases_us()
    slots.reserve("a")
    assert sorted(slots._phases_us()) == sorted(before)


@given(phase_us=st.integers(0, UNIT_US - 1), now_us=st.integers(0, 2**52))
def test_the_wait_for_a_phase_ends_in_it(phase_us: int, now_us: int) -> None:
    """A capture that begins after the wait begins in the phase, less than a unit from now."""
    wait_us = until_phase_us(phase_us, now_us)
    assert 0 <= wait_us < UNIT_US
    assert (now_us + wait_us) % UNIT_US == phase_us
