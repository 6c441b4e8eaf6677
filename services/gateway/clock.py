"""Media time on the gateway's clocks."""

import math
import time
from typing import Final

from wan_streamer.unit import UNIT_US, unit_end_us, unit_start_us

# The shortest way of the last 2 to 4 s stands for the way that cannot be shorter.
WINDOW_S: Final = 2.0
# Later by at most 0.5 ms a unit: ten times the drift of a poor clock, and a burst of jitter moves nothing much.
MAX_LATER_S: Final = 0.0005
# Earlier by at most 20 ms a unit: a first message that was held up is soon forgotten, and time never runs back.
MAX_EARLIER_S: Final = 0.02


class MediaClock:
    """Maps the client's capture offsets to the gateway's wall time and to the event loop's time.

    Capture offset 0 is put at the arrival of the first media minus its offset: the fastest way that media is known to
    take counts as no way at all. The client's clock runs a little faster or slower than ours, so this zero follows:
    `observe` every arrival, `follow` once a unit.
    """

    def __init__(self, *, capture_offset_us: int, now_unix_us: int, now_loop_s: float) -> None:
        self._zero_unix_us = now_unix_us - capture_offset_us
        self._zero_loop_s = now_loop_s - capture_offset_us / 1e6
        self._window_start_s = now_loop_s
        self._shortest_s = self._shortest_before_s = math.inf

    def capture_start_unix_us(self, unit_index: int) -> int:
        """Wall time at which a unit's capture began."""
        return self._zero_unix_us + unit_start_us(unit_index)

    def unit_end_loop_s(self, unit_index: int) -> float:
        """The event loop's time at which a unit's capture ends."""
        return self._zero_loop_s + unit_end_us(unit_index) / 1e6

    def observe(self, capture_offset_us: int, now_loop_s: float) -> None:
        """Media with this offset arrives now."""
        if now_loop_s - self._window_start_s >= WINDOW_S:
            self._window_start_s = now_loop_s
            self._shortest_before_s, self._shortest_s = self._shortest_s, math.inf
        self._shortest_s = min(self._shortest_s, now_loop_s - self._zero_loop_s - capture_offset_us / 1e6)

    def follow(self) -> None:
        """Moves the zero a little towards where the shortest way of late puts it."""
        shortest_s = min(self._shortest_s, self._shortest_before_s)
        if math.isinf(shortest_s):
            return
        step_us = round(min(MAX_LATER_S, max(-MAX_EARLIER_S, shortest_s)) * 1e6)
        step_s = step_us / 1e6
        self._zero_unix_us += step_us
        self._zero_loop_s += step_s
        self._shortest_s -= step_s
        self._shortest_before_s -= step_s


def unix_us() -> int:
    """Wall time now, in microseconds since 1970."""
    return time.time_ns() // 1000


def capture_start_of_complete_unit_unix_us(now_unix_us: int) -> int:
    """Where media time drives, a unit counts as captured in the 160 ms before it was complete."""
    return now_unix_us - UNIT_US


def until_phase_us(phase_us: int, now_unix_us: int) -> int:
    """How long it is until wall time modulo a unit is `phase_us`: 0 to below `UNIT_US`."""
    return (phase_us - now_unix_us) % UNIT_US
