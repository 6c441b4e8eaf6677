"""The playout clock of a real player, without a clock of its own: times go in, decisions come out.

Playback starts a small buffer after the first unit with media has arrived; from then on unit k is due exactly
k * 160 ms after unit 0. What arrives after it was due is missed: the player holds the last picture, plays silence and
never slows down.
All times are microseconds on one clock, whose zero is the first capture of the visitor.
"""

from dataclasses import dataclass, replace
from typing import Final

from wan_streamer.unit import unit_start_us

DEFAULT_BUFFER_US: Final = 40_000


@dataclass(frozen=True, kw_only=True)
class Playout:
    """What the player does with one unit: it plays at `due_us`, unless it came too late or has nothing to play."""

    unit_index: int
    arrival_us: int
    due_us: int | None
    is_missed: bool
    is_skipped: bool
    is_flushed: bool = False

    @property
    def is_played(self) -> bool:
        """Whether its sound and pictures are played."""
        return not (self.is_missed or self.is_skipped or self.is_flushed)

    @property
    def capture_to_playout_us(self) -> int | None:
        """From the start of the unit's capture to the start of its playing; None when it is not played."""
        if not self.is_played or self.due_us is None:
            return None
        return self.due_us - unit_start_us(self.unit_index)

    def flushed_at(self, now_us: int) -> "Playout":
        """The same decision after a flush: a unit that has not begun to play by then is not played."""
        return replace(self, is_flushed=True) if self.due_us is None or self.due_us > now_us else self


class PlayoutClock:
    """Decides for each arriving unit whether and when it plays."""

    def __init__(self, buffer_us: int = DEFAULT_BUFFER_US) -> None:
        self._buffer_us = buffer_us
        self._start_us: int | None = None

    @property
    def start_us(self) -> int | None:
        """When unit 0 plays (or would have played); None until the first unit with media has arrived."""
        return self._start_us

    def due_us(self, unit_index: int) -> int | None:
        """When a unit begins to play; None before playback has started."""
        return None if self._start_us is None else self._start_us + unit_start_us(unit_index)

    def arrived(self, unit_index: int, arrival_us: int, *, is_skipped: bool = False) -> Playout:
        """Decides about one unit. The first unit with media starts the playback."""
        if self._start_us is None and not is_skipped:
            self._start_us = arrival_us + self._buffer_us - unit_start_us(unit_index)
        due_us = self.due_us(unit_index)
        is_missed = not is_skipped and due_us is not None and arrival_us > due_us
        return Playout(
            unit_index=unit_index, arrival_us=arrival_us, due_us=due_us, is_missed=is_missed, is_skipped=is_skipped
        )
