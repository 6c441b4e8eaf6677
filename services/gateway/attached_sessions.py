"""Who is attached to this gateway now: the newest attach of a session wins, a drain tells everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from prometheus_client import Gauge

from services.gateway.session import Session
from wan_streamer.rpc.notifier import Notifier


@dataclass(kw_only=True, eq=False)
class Seat:
    """A session's place in this gateway; one client at a time has it."""

    replaced: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a newer attach wants the seat."""
    session: Session | None = None
    """Once the thinker has started it."""


class AttachedSessions:
    """The live sessions of one gateway process."""

    def __init__(self, live_count: Gauge) -> None:
        self._live_count = live_count
        self._seats: dict[str, Seat] = {}
        self._changed = Notifier()

    @asynccontextmanager
    async def seat(self, session_id: str) -> AsyncIterator[Seat]:
        """A seat for a new attachment; who had it before is told to go, and all of it is freed first.

        The thinker does the same for who is attached to another gateway.
        """
        while (taken := self._seats.get(session_id)) is not None:
            taken.replaced.set()
            await self._changed.until(lambda seat=taken: self._seats.get(session_id) is not seat)  # type: ignore[misc]
        seat = self._seats[session_id] = Seat()
        self._live_count.set(len(self._seats))
        try:
            yield seat
        finally:
            del self._seats[session_id]
            self._live_count.set(len(self._seats))
            self._changed.notify()

    async def drain(self, time_left_s: float) -> None:
        """Says GoAway to all and returns when all have left; who has not in time is cut short."""
        for session in self._live():
            session.drain(time_left_s)
        try:
            async with asyncio.timeout(time_left_s):
                await self._changed.until(lambda: not self._seats)
        except TimeoutError:
            for session in self._live():
                session.cut_short()
            await self._changed.until(lambda: not self._seats)

    def _live(self) -> list[Session]:
        return [seat.session for seat in self._seats.values() if seat.session is not None]
