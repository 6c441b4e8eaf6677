"""Media time on the gateway's clocks."""

import time

from wan_streamer.unit import UNIT_US, unit_end_us, unit_start_us


class MediaClock:
    """Maps the client's capture offsets to the gateway's wall time and to the event loop's time.

    Capture offset 0 is put at the arrival of the first media minus its offset: the fastest way that media is known to
    take counts as no way at all.
    """

    def __init__(self, *, capture_offset_us: int, now_unix_us: int, now_loop_s: float) -> None:
        self._zero_unix_us = now_unix_us - capture_offset_us
        self._zero_loop_s = now_loop_s - capture_offset_us / 1e6

    def capture_start_unix_us(self, unit_index: int) -> int:
        """Wall time at which a unit's capture began."""
        return self._zero_unix_us + unit_start_us(unit_index)

    def unit_end_loop_s(self, unit_index: int) -> float:
        """The event loop's time at which a unit's capture ends."""
        return self._zero_loop_s + unit_end_us(unit_index) / 1e6


def unix_us() -> int:
    """Wall time now, in microseconds since 1970."""
    return time.time_ns() // 1000


def capture_start_of_complete_unit_unix_us(now_unix_us: int) -> int:
    """Where media time drives, a unit counts as captured in the 160 ms before it was complete."""
    return now_unix_us - UNIT_US
