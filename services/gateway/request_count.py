"""Counts how a client's request ended: once, with OK or the reason of the error."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from wan_streamer.rpc.status import single_cause
from wan_streamer.telemetry.metrics import ServiceMetrics


class RequestCount:
    """One request; a context manager. Leaving counts it, unless `succeeded` did so before.

    Attributes:
        request: create, attach or resume; may be corrected until it is counted.
    """

    def __init__(self, metrics: ServiceMetrics, request: str) -> None:
        self._metrics = metrics
        self._is_counted = False
        self.request = request

    def succeeded(self) -> None:
        """The client has what it asked for; what happens later is not the request's fault."""
        self._count("OK")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._count("OK")
        elif isinstance(error, asyncio.CancelledError):
            self._count("CLIENT_LEFT")
        else:
            self._count(getattr(single_cause(error), "reason", "INTERNAL"))

    def _count(self, outcome: str) -> None:
        if not self._is_counted:
            self._is_counted = True
            self._metrics.count_request(self.request, outcome)
