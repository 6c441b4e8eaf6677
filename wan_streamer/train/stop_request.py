"""Ctrl-C asks training to stop after the step at hand; a second one stops at once.

Not so under torchrun, which passes every signal on that the processes have seen already: there the second is the first.
"""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """A context in which SIGINT and SIGTERM are remembered instead of raised."""

    def __init__(self, *, insisted: bool) -> None:
        """`insisted`: whether a second signal raises KeyboardInterrupt."""
        self.is_requested = False
        self._insisted = insisted
        self._before: dict[signal.Signals, Callable[..., Any] | int | None] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.is_requested and self._insisted:
            raise KeyboardInterrupt
        self.is_requested = True
