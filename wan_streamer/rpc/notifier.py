"""Waiting for a state that another task changes."""

import asyncio
from collections.abc import Callable


class Notifier:
    """Wakes all who wait whenever something changed; each checks for itself. One event loop, no locks."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Something changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Returns as soon as `is_so()` holds."""
        while not is_so():
            await self._changed.wait()
