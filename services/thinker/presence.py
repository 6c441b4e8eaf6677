"""Which stream has a session: the newest one; and for how long none has had it."""

import asyncio
from typing import Final

from wan_streamer.errors import PlacementLost
from wan_streamer.rpc.notifier import Notifier

# The stream that began the session needs a moment to take it.
MIN_FIRST_GRACE_S: Final = 1.0


class Presence:
    """Streams of gateways come and go, known by their generation; the session outlives them for a grace.

    Whoever comes last has the session, whatever it knows of those before: a client whose answer to Attach was lost
    comes with an old token and still is the newest. So generations are given here, in the order of arrival.

    Args:
        grace_s: how long the session waits for the next stream.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._is_attached = False
        self._changed = Notifier()
        self.generation = 0

    def attach(self, at_least: int) -> int:
        """A stream takes the session; the generation that it has from now on."""
        self.generation = max(self.generation + 1, at_least)
        self._is_attached = True
        self._changed.notify()
        return self.generation

    def leave(self, generation: int) -> None:
        """A stream is over; nothing changes where a newer one has the session."""
        if generation == self.generation:
            self._is_attached = False
            self._changed.notify()

    async def until_given_up(self) -> None:
        """Waits until no stream has had the session for the grace.

        Raises:
            PlacementLost: then, always.
        """
        while True:
            await self._changed.until(lambda: not self._is_attached)
            grace_s = self._grace_s if self.generation else max(self._grace_s, MIN_FIRST_GRACE_S)
            try:
                async with asyncio.timeout(grace_s):
                    await self._changed.until(lambda: self._is_attached)
            except TimeoutError:
                raise PlacementLost(
                    f"nobody came back to this session within {grace_s:g} s; create a new session"
                ) from None
