"""The playout clock of a player."""

from hypothesis import given
from hypothesis import strategies as st

from wan_streamer.client.playout import PlayoutClock
from wan_streamer.unit import UNIT_US

arrivals = st.lists(st.integers(0, 3_000_000), min_size=1, max_size=40)


@given(arrivals, st.integers(0, 200_000))
def test_units_are_due_one_unit_apart_however_they_arrive(delays_us: list[int], buffer_us: int) -> None:
    """Unit k is due exactly k units after unit 0: no arrival ever moves the clock."""
    clock = PlayoutClock(buffer_us)
    decisions = [clock.arrived(index, index * UNIT_US + delay_us) for index, delay_us in enumerate(delays_us)]
    start_us = delays_us[0] + buffer_us
    assert [decision.due_us for decision in decisions] == [start_us + k * UNIT_US for k in range(len(delays_us))]


@given(arrivals, st.integers(0, 200_000))
def test_missed_means_later_than_the_first_plus_the_buffer(delays_us: list[int], buffer_us: int) -> None:
    """A unit is missed exactly when its delay exceeds the first unit's delay by more than the buffer."""
    clock = PlayoutClock(buffer_us)
    for index, delay_us in enumerate(delays_us):
        decision = clock.arrived(index, index * UNIT_US + delay_us)
        assert decision.is_missed == (delay_us > delays_us[0] + buffer_us)
        assert decision.is_played != decision.is_missed
        latency_us = decision.capture_to_playout_us
        assert latency_us == (None if decision.is_missed else delays_us[0] + buffer_us)


def test_skipped_units_neither_start_the_clock_nor_are_missed() -> None:
    """Playback starts with the first unit that has something to play."""
    clock = PlayoutClock(40_000)
    early = clock.arrived(0, 300_000, is_skipped=True)
    assert early.due_us is None
    assert clock.start_us is None
    first = clock.arrived(1, 500_000)
    assert first.due_us == 540_000
    assert clock.start_us == 540_000 - UNIT_US
    late_skip = clock.arrived(2, 9_000_000, is_skipped=True)
    assert not late_skip.is_missed
    assert not late_skip.is_played
    assert late_skip.capture_to_playout_us is None


def test_a_flush_takes_what_has_not_begun_to_play() -> None:
    """After a flush the unit that plays now stays, the one that waits does not."""
    clock = PlayoutClock(0)
    playing, waiting = clock.arrived(0, 200_000), clock.arrived(1, 210_000)
    now_us = 250_000
    assert playing.flushed_at(now_us).is_played
    assert not waiting.flushed_at(now_us).is_played
    assert waiting.flushed_at(now_us).capture_to_playout_us is None
