"""How far media may run ahead of the agent's units when media time drives the session."""

import asyncio
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.unit import unit_start_us

# Long enough for a task that was started to iterate over the session to come to it.
READER_LIMIT_S: Final = 10.0


class Room:
    """The gateway refuses media that is too far ahead of the unit it cuts; this lets a sender wait for room instead."""

    def __init__(self, max_media_ahead_us: int, first_unit_index: int) -> None:
        self._ahead_us = max_media_ahead_us
        self._next_unit_index = first_unit_index
        self._changed = asyncio.Event()
        self._has_reader = False
        self._is_closed = False

    def reader_began(self) -> None:
        """Somebody iterates over the session."""
        self._has_reader = True

    def unit_arrived(self, unit_index: int) -> None:
        """The gateway has cut this unit."""
        self._next_unit_index = unit_index + 1
        self._changed.set()

    def close(self) -> None:
        """No more units will come: nobody waits any more."""
        self._is_closed = True
        self._changed.set()

    async def wait(self, media_end_us: int) -> None:
        """Returns when the gateway takes media that ends at this time.

        Raises:
            InvalidInput: nobody reads the units, so that there would never be room.
        """
        while not self._is_closed and media_end_us > unit_start_us(self._next_unit_index) + self._ahead_us:
            self._changed.clear()
            try:
                async with asyncio.timeout(None if self._has_reader else READER_LIMIT_S):
                    await self._changed.wait()
            except TimeoutError as error:
                if not self._has_reader:
                    raise self._nobody_reads(media_end_us) from error

    def _nobody_reads(self, media_end_us: int) -> InvalidInput:
        return InvalidInput(
            f"got {media_end_us / 1e6:.2f} s of media while nobody reads the agent's units, expected a second task "
            f"that iterates over the session; start it before sending more than {self._ahead_us / 1e6:.1f} s",
            reason="NOBODY_READS",
        )
