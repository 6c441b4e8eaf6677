"""The gateway's clock follows the client's."""

import random

import pytest

from services.gateway.clock import MediaClock
from wan_streamer.unit import FRAME_US, UNIT_US

JITTER_ALLOWANCE_S = 0.06
TRUE_ZERO_S = 1000.0


def run(*, drift_ppm: float, minutes: int, first_delay_s: float = 0.0, jitter_s: float = 0.03) -> MediaClock:
    """A client that sends a frame every 40 ms of its own clock, over a network with jitter; checks no unit is cut
    before its last frame arrived."""
    chance = random.Random(1)
    clock = MediaClock(capture_offset_us=0, now_unix_us=0, now_loop_s=TRUE_ZERO_S + first_delay_s)
    clock.observe(0, TRUE_ZERO_S + first_delay_s)
    for frame in range(1, minutes * 60 * 1_000_000 // FRAME_US):
        offset_us = frame * FRAME_US
        arrival_s = TRUE_ZERO_S + offset_us / 1e6 * (1 + drift_ppm / 1e6) + chance.random() * jitter_s
        clock.observe(offset_us, arrival_s)
        if offset_us % UNIT_US == 0:
            unit_index = offset_us // UNIT_US - 1
            before_us = clock.capture_start_unix_us(unit_index)
            assert arrival_s <= clock.unit_end_loop_s(unit_index) + JITTER_ALLOWANCE_S, (
                f"unit {unit_index} would be lost"
            )
            clock.follow()
            assert clock.capture_start_unix_us(unit_index + 1) > before_us, "time ran back"
    return clock


@pytest.mark.parametrize("drift_ppm", [-200, 0, 200])
def test_an_hour_with_a_client_whose_clock_drifts_loses_nothing(drift_ppm: float) -> None:
    """At 200 parts in a million a fixed zero would be 0.72 s off after an hour; the zero follows, nothing is lost."""
    clock = run(drift_ppm=drift_ppm, minutes=60)
    end_s = TRUE_ZERO_S + 3600 * (1 + drift_ppm / 1e6)
    assert clock.unit_end_loop_s(3_600_000_000 // UNIT_US - 1) == pytest.approx(end_s, abs=0.01)


def test_a_first_message_that_was_held_up_is_forgotten() -> None:
    """When the first media took half a second longer than the rest, the zero is where it belongs within seconds."""
    clock = run(drift_ppm=0, minutes=1, first_delay_s=0.5)
    assert clock.unit_end_loop_s(0) == pytest.approx(TRUE_ZERO_S + UNIT_US / 1e6, abs=0.01)


def test_a_burst_of_delay_moves_little() -> None:
    """A second in which everything comes late does not move the zero by more than a few milliseconds."""
    clock = MediaClock(capture_offset_us=0, now_unix_us=0, now_loop_s=0.0)
    for frame in range(250):
        late_s = 0.3 if 100 <= frame < 125 else 0.0
        clock.observe(frame * FRAME_US, frame * FRAME_US / 1e6 + late_s)
        if frame % 4 == 0:
            clock.follow()
    assert clock.unit_end_loop_s(0) == pytest.approx(UNIT_US / 1e6, abs=0.005)
