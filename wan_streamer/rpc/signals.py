"""SIGTERM and SIGINT as events of the loop."""

import asyncio
import signal
from types import TracebackType
from typing import Final, Self

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Counts the signals that ask the process to end; enter it inside the running loop."""

    def __init__(self) -> None:
        self._arrived: list[asyncio.Future[str]] = []

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._arrived = [loop.create_future(), loop.create_future()]
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._arrive, number.name)
        return self

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)

    async def first(self) -> str:
        """Waits for the first signal; its name."""
        return await asyncio.shield(self._arrived[0])

    async def second(self) -> str:
        """Waits for the second signal; its name."""
        return await asyncio.shield(self._arrived[1])

    def _arrive(self, name: str) -> None:
        for arrival in self._arrived:
            if not arrival.done():
                arrival.set_result(name)
                return
