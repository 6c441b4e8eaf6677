"""Who may converse on this thinker: reservations and live sessions. The truth about slots is here."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wan_streamer.errors import CapacityExhausted, PlacementLost, Superseded


@dataclass
class LiveSession:
    """A session whose stream is open."""

    generation: int
    task: asyncio.Task[object]
    was_superseded: bool = False


class Slots:
    """Counts places. A place is reserved by `reserve`, taken by `occupy` and free again when the stream is left."""

    def __init__(self, capacity: int, reservation_s: float) -> None:
        self.capacity = capacity
        self.reservation_s = reservation_s
        self._expires_at: dict[str, float] = {}
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
        now = time.monotonic()
        self._expires_at = {session: at for session, at in self._expires_at.items() if at > now}
        return len(self._live) + len(self._expires_at)

    async def wait_empty(self) -> None:
        """Waits until no session is live."""
        await self._empty.wait()

    def reserve(self, session_id: str) -> None:
        """Keeps a place for a session; repeating it prolongs the reservation.

        Raises:
            CapacityExhausted: every place is taken.
        """
        is_known = session_id in self._expires_at or session_id in self._live
        if not is_known and self.taken_count >= self.capacity:
            raise CapacityExhausted(f"all {self.capacity} places of this thinker are taken; try again later")
        if session_id not in self._live:
            self._expires_at[session_id] = time.monotonic() + self.reservation_s

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
        if older is None and self._expires_at.pop(session_id, 0.0) <= time.monotonic():
            raise PlacementLost(
                "this session has no place here: its reservation expired or its stream was left; create a new session"
            )
        if older is not None:
            older.was_superseded = True
            older.task.cancel()
        mine = self._live[session_id] = LiveSession(generation, task)
        self._empty.clear()
        try:
            yield mine
        finally:
            if self._live.get(session_id) is mine:
                del self._live[session_id]
            if not self._live:
                self._empty.set()
