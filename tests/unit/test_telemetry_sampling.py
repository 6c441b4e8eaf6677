"""Which units the setting `late` keeps."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from wan_streamer.telemetry.sampling import KeepLate


@dataclass(frozen=True)
class Unit:
    session_id: str
    unit_index: int
    outcome: str
    trace_id: int


OUTCOMES = st.sampled_from(["ON_TIME", "ON_TIME", "ON_TIME", "LATE", "SKIPPED"])
RUNS = st.lists(st.tuples(st.sampled_from("ab"), OUTCOMES, st.integers(1, (1 << 128) - 1)), max_size=40)


@given(RUNS, st.sampled_from([0.0, 0.01, 0.3, 1.0]))
def test_late_units_their_neighbours_and_a_share_are_kept(run: list[tuple[str, str, int]], ratio: float) -> None:
    """Unit by unit the sampler keeps what looking at the whole run at once keeps, in every session on its own."""
    sampler: KeepLate[Unit] = KeepLate(ratio)
    share = TraceIdRatioBased(ratio)
    units = [Unit(session, index, outcome, trace_id) for index, (session, outcome, trace_id) in enumerate(run)]
    kept = [unit for flight in units for unit in sampler.decide(flight)]
    expected = set()
    for session in "ab":
        own = [unit for unit in units if unit.session_id == session]
        for place, unit in enumerate(own):
            near = own[max(place - 1, 0) : place + 2]
            if any(other.outcome != "ON_TIME" for other in near):
                expected.add(unit)
            if share.should_sample(None, unit.trace_id, "unit").decision.is_sampled():
                expected.add(unit)
    assert set(kept) == expected
    assert len(kept) == len(expected)


def test_sessions_that_ended_do_not_pile_up() -> None:
    """The memory of the sampler is bounded however many sessions come and go."""
    sampler: KeepLate[Unit] = KeepLate(0.0)
    for number in range(5000):
        sampler.decide(Unit(str(number), 0, "ON_TIME", 1 << 63))
    assert len(sampler._last) <= 1024
