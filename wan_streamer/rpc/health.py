"""Health that asks the engine: SERVING only while a probe answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.typing import FilteringBoundLogger

Probe = Callable[[], Awaitable[None]]

PROBE_INTERVAL_S: Final = 1.0
# Until the first success: whoever starts a service waits for it.
STARTING_INTERVAL_S: Final = 0.2
PROBE_LIMIT_S: Final = 1.0


class HealthWatcher:
    """grpc.health.v1 for one server, kept true by a probe.

    `probe` returns when the service can work and raises when it cannot; it has `PROBE_LIMIT_S` for it. Names are the
    full names of the services; the server as a whole ("") goes with them.
    """

    def __init__(self, names: Sequence[str], probe: Probe, log: FilteringBoundLogger) -> None:
        self._names = ("", *names)
        self._probe = probe
        self._log = log
        self._servicer = _Servicer(self._names)
        self._is_leaving = False
        self._is_starting = True
        self._serving = asyncio.Event()

    @property
    def is_serving(self) -> bool:
        """What was published last."""
        return self._serving.is_set()

    async def wait_serving(self) -> None:
        """Waits for the first (or next) moment of SERVING."""
        await self._serving.wait()

    def register(self, server: grpc.aio.Server) -> None:
        """Adds grpc.health.v1 to a server; NOT_SERVING until the first probe succeeds."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def check(self) -> bool:
        """Asks the probe once and publishes the answer."""
        try:
            async with asyncio.timeout(PROBE_LIMIT_S):
                await self._probe()
        except Exception as error:  # whatever keeps the probe from its answer means the same
            await self._set(False, cause=f"{type(error).__name__}: {error}")
        else:
            await self._set(True, cause="")
        return self.is_serving

    async def watch(self) -> None:
        """Checks for ever, once a second; more often until the first success."""
        while True:
            await self.check()
            await asyncio.sleep(STARTING_INTERVAL_S if self._is_starting else PROBE_INTERVAL_S)

    async def leave(self) -> None:
        """NOT_SERVING from now on, whatever the probe says: the service drains."""
        self._is_leaving = True
        await self._set(False, cause="draining")

    async def _set(self, is_serving: bool, *, cause: str) -> None:
        is_serving = is_serving and not self._is_leaving
        if is_serving == self.is_serving:
            return
        if is_serving:
            self._is_starting = False
            self._serving.set()
        else:
            self._serving.clear()
        self._log.info("health changed", serving=is_serving, cause=cause)
        await self._servicer.publish(is_serving)


class _Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # it has no types
    """One state for all names. (In grpcio-health-checking's own, a watcher that leaves deafens the others.)"""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        self._state = health_pb2.HealthCheckResponse.NOT_SERVING
        self._changed = asyncio.Condition()

    async def publish(self, is_serving: bool) -> None:
        states = health_pb2.HealthCheckResponse
        async with self._changed:
            self._state = states.SERVING if is_serving else states.NOT_SERVING
            self._changed.notify_all()

    async def Check(self, request: Any, context: Any) -> Any:
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r} here")
        return health_pb2.HealthCheckResponse(status=self._state)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        if request.service not in self._names:
            # As the protocol has it: the service may come, so the stream stays open.
            yield health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
            await asyncio.Event().wait()
        told = None
        while True:
            async with self._changed:
                while self._state == told:
                    await self._changed.wait()
                told = self._state
            yield health_pb2.HealthCheckResponse(status=told)
