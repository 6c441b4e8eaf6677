"""Health that asks the engine: SERVING only while a probe answers.

Two questions, for two who ask. Who sends work asks for "" or a service by its full name: can it work now? Who restarts
processes asks for "live": does its engine make progress? A thinker without its performer cannot work, but a restart
would not help it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.typing import FilteringBoundLogger

Probe = Callable[[], Awaitable[None]]

LIVE_NAME: Final = "live"

PROBE_INTERVAL_S: Final = 1.0
# Until the first success: whoever starts a service waits for it.
STARTING_INTERVAL_S: Final = 0.2
PROBE_LIMIT_S: Final = 1.0


class HealthWatcher:
    """grpc.health.v1 for one server, kept true by a probe.

    `probe_engine` returns while the process's own engine makes progress, `probe` when what it needs besides is there;
    each raises otherwise and has `PROBE_LIMIT_S`. Names are the full names of the services; the server as a whole ("")
    goes with them.
    """

    def __init__(self, names: Sequence[str], probe_engine: Probe, probe: Probe, log: FilteringBoundLogger) -> None:
        self._names = ("", *names)
        self._probe_engine = probe_engine
        self._probe = probe
        self._log = log
        self._servicer = _Servicer((*self._names, LIVE_NAME))
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
        """Asks the probes once and publishes their answers."""
        cause = await _failure(self._probe_engine)
        await self._servicer.publish((LIVE_NAME,), not cause)
        cause = cause or await _failure(self._probe)
        await self._set(not cause, cause=cause)
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
        await self._servicer.publish(self._names, is_serving)


async def _failure(probe: Probe) -> str:
    """Why a probe fails; empty when it does not."""
    try:
        async with asyncio.timeout(PROBE_LIMIT_S):
            await probe()
    except Exception as error:  # whatever keeps the probe from its answer means the same
        return f"{type(error).__name__}: {error}"
    return ""


class _Servicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # it has no types
    """The states of all names. (In grpcio-health-checking's own, a watcher that leaves deafens the others.)"""

    def __init__(self, names: Sequence[str]) -> None:
        self._states = dict.fromkeys(names, health_pb2.HealthCheckResponse.NOT_SERVING)
        self._changed = asyncio.Condition()

    async def publish(self, names: Iterable[str], is_serving: bool) -> None:
        states = health_pb2.HealthCheckResponse
        async with self._changed:
            self._states.update(dict.fromkeys(names, states.SERVING if is_serving else states.NOT_SERVING))
            self._changed.notify_all()

    async def Check(self, request: Any, context: Any) -> Any:
        if request.service not in self._states:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r} here")
        return health_pb2.HealthCheckResponse(status=self._states[request.service])

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        if request.service not in self._states:
            # As the protocol has it: the service may come, so the stream stays open.
            yield health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
            await asyncio.Event().wait()
        told = None
        while True:
            async with self._changed:
                while self._states[request.service] == told:
                    await self._changed.wait()
                told = self._states[request.service]
            yield health_pb2.HealthCheckResponse(status=told)
