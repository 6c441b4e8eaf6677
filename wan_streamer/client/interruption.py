"""Ctrl-C and SIGTERM: asked once, everything ends in order and in time; asked twice, at once."""

import asyncio
import signal
import time
from collections.abc import Coroutine
from typing import Any, Final, Self, TypeVar

T = TypeVar("T")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Whether and when the user asked to stop. A context manager; enter it in the main thread inside a running loop.

    Threads may ask too: `has_left` is what a long computation asks between two of its steps.
    """

    def __init__(self) -> None:
        self._requested_s: float | None = None
        self._event = asyncio.Event()

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        for number in SIGNALS:
            self._loop.add_signal_handler(number, self.request)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def request(self) -> None:
        """What a signal does."""
        self._requested_s = time.monotonic()
        self._event.set()
        # The second one is not ours any more: Python's own handlers end the process at once.
        self._restore()

    @property
    def is_requested(self) -> bool:
        """Whether it is time to stop."""
        return self._requested_s is not None

    async def wait(self) -> None:
        """Returns when it is time to stop."""
        await self._event.wait()

    async def unless(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of `work`; None when it was cancelled because it is time to stop. Its errors are raised here."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        return None if task.cancelled() else task.result()

    def has_left(self, limit_s: float) -> bool:
        """Whether work that may go on for `limit_s` after the request may go on."""
        return self._requested_s is None or time.monotonic() - self._requested_s < limit_s

    def _restore(self) -> None:
        for number in SIGNALS:
            self._loop.remove_signal_handler(number)
