"""Who may converse on this thinker, and in which phase: reservations and live sessions; the truth about slots."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wan_streamer.engine.phases import free_phase_us
from wan_streamer.errors import CapacityExhausted, PlacementLost, Superseded


@dataclass(frozen=True)
class Reservation:
    """A place that is kept for a session."""

    expires_at: float
    phase_us: int


@dataclass
class LiveSession:
    """A session whose stream is open."""

    generation: int
    phase_us: int
    task: asyncio.Task[object]
    was_superseded: bool = False


class Slots:
    """Counts places. A place is reserved by `reserve`, taken by `occupy` and free again when the stream is left."""

    def __init__(self, capacity: int, reservation_s: float) -> None:
        self.capacity = capacity
        self.reservation_s = reservation_s
        self._reserved: dict[str, Reservation] = {}
        self._live: dict[str, LiveSession] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def live_count(self) -> int:
        """Sessions whose stream is open."""
        return len(self._live)

    @property
    def taken_count(self) -> int:
        """Live sessions and reservations that still hold."""
        self._forget_expired()
        return len(self._live) + len(self._reserved)

    async def wait_empty(self) -> None:
        """Waits until no session is live."""
        await self._empty.wait()

    def reserve(self, session_id: str, *, most: int | None = None) -> None:
        """Keeps a place and a phase for a session; repeating it prolongs the reservation.

        Args:
            most: sessions that the performer group admits, where that is less than the thinker does.

        Raises:
            CapacityExhausted: every place is taken.
        """
        if session_id in self._live:
            return
        self._forget_expired()
        known = self._reserved.get(session_id)
        place_count = min(self.capacity, most or self.capacity)
        if known is None and self.taken_count >= place_count:
            raise CapacityExhausted(f"all {place_count} places of this thinker are taken; try again later")
        phase_us = free_phase_us(self._phases_us(), place_count) if known is None else known.phase_us
        self._reserved[session_id] = Reservation(time.monotonic() + self.reservation_s, phase_us)

    @contextmanager
    def occupy(self, session_id: str, generation: int) -> Iterator[LiveSession]:
        """Holds the place of a session for as long as its stream is open. The newest generation wins.

        Raises:
            PlacementLost: neither reserved nor live: the reservation expired, or the session has ended.
            Superseded: a stream with this or a higher generation is open.
        """
        task = asyncio.current_task()
        assert task is not None
        older = self._live.get(session_id)
        if older is not None and older.generation >= generation:
            raise Superseded(f"got generation {generation}, expected one above {older.generation}")
        self._forget_expired()
        place = older or self._reserved.pop(session_id, None)
        if place is None:
            raise PlacementLost(
                "this session has no place here: its reservation expired or its stream was left; create a new session"
            )
        if older is not None:
            older.was_superseded = True
            older.task.cancel()
        mine = self._live[session_id] = LiveSession(generation, place.phase_us, task)
        self._empty.clear()
        try:
            yield mine
        finally:
            if self._live.get(session_id) is mine:
                del self._live[session_id]
            if not self._live:
                self._empty.set()

    def _forget_expired(self) -> None:
        now = time.monotonic()
        self._reserved = {session: place for session, place in self._reserved.items() if place.expires_at > now}

    def _phases_us(self) -> list[int]:
        places: list[LiveSession | Reservation] = [*self._live.values(), *self._reserved.values()]
        return [place.phase_us for place in places]
