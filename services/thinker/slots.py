"""Who may have a session on this thinker, and in which phase: reservations and sessions; the truth about slots."""

import time
from dataclasses import dataclass

from wan_streamer.engine.phases import free_phase_us
from wan_streamer.errors import CapacityExhausted
from wan_streamer.rpc.notifier import Notifier


@dataclass(frozen=True)
class Reservation:
    """A place that is kept for a session that has not begun."""

    expires_at: float
    phase_us: int


class Slots:
    """Counts places. A place is reserved by `reserve`, taken by `take` and free again after `release`."""

    def __init__(self, capacity: int, reservation_s: float) -> None:
        self.capacity = capacity
        self.reservation_s = reservation_s
        self._reserved: dict[str, Reservation] = {}
        self._taken: dict[str, int] = {}
        self._changed = Notifier()

    @property
    def session_count(self) -> int:
        """Sessions that have begun, whether a stream has them or not."""
        return len(self._taken)

    @property
    def taken_count(self) -> int:
        """Sessions and reservations that still hold."""
        self._forget_expired()
        return len(self._taken) + len(self._reserved)

    async def until_empty(self) -> None:
        """Waits until there is no session."""
        await self._changed.until(lambda: not self._taken)

    def reserve(self, session_id: str, *, most: int | None = None) -> None:
        """Keeps a place and a phase for a session; repeating it prolongs the reservation.

        Args:
            most: sessions that the performer group admits, where that is less than the thinker does.

        Raises:
            CapacityExhausted: every place is taken.
        """
        if session_id in self._taken:
            return
        self._forget_expired()
        known = self._reserved.get(session_id)
        place_count = min(self.capacity, most or self.capacity)
        if known is None and self.taken_count >= place_count:
            raise CapacityExhausted(f"all {place_count} places of this thinker are taken; try again later")
        phase_us = free_phase_us(self._phases_us(), place_count) if known is None else known.phase_us
        self._reserved[session_id] = Reservation(time.monotonic() + self.reservation_s, phase_us)

    def take(self, session_id: str) -> int | None:
        """Takes the place that is reserved for a session; its phase in microseconds. None: there is no reservation."""
        self._forget_expired()
        reserved = self._reserved.pop(session_id, None)
        if reserved is None:
            return None
        self._taken[session_id] = reserved.phase_us
        return reserved.phase_us

    def release(self, session_id: str) -> None:
        """The session is over."""
        del self._taken[session_id]
        self._changed.notify()

    def _forget_expired(self) -> None:
        now = time.monotonic()
        self._reserved = {session: place for session, place in self._reserved.items() if place.expires_at > now}

    def _phases_us(self) -> list[int]:
        return [*self._taken.values(), *(place.phase_us for place in self._reserved.values())]
