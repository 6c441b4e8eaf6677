"""The life of a service: start, healthy, drain, end. The three services share it.

A service brings `build`: an async context manager that makes what it needs, yields a `Service` and frees everything on
leaving. `run_service` is the process; `running_service` is the same inside a running event loop, for tests.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import grpc
import uvloop
from grpc_reflection.v1alpha import reflection
from structlog.typing import FilteringBoundLogger

from wan_streamer.errors import WanStreamerError
from wan_streamer.rpc.channel import SERVER_OPTIONS
from wan_streamer.rpc.config import ServerConfig
from wan_streamer.rpc.health import HealthWatcher
from wan_streamer.rpc.interceptor import ErrorInterceptor
from wan_streamer.rpc.signals import StopSignals
from wan_streamer.telemetry.flight import FlightRecorder
from wan_streamer.telemetry.logs import configure_logs
from wan_streamer.telemetry.metrics import ServiceMetrics, new_registry, start_metrics_server
from wan_streamer.telemetry.traces import Tracing, configure_tracing

# What is still open when a drain is over gets this long to leave by itself.
STOP_GRACE_S: Final = 0.3
# A service that uses up its time still gets to close its streams in order.
DRAIN_MARGIN_S: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class ServiceContext:
    """What a service is given."""

    name: str
    log: FilteringBoundLogger
    metrics: ServiceMetrics
    tracing: Tracing
    recorder: FlightRecorder


class Service(Protocol):
    """What a service must be able to do."""

    @property
    def full_names(self) -> Sequence[str]:
        """Full names of its gRPC services, for health and reflection."""

    def register(self, server: grpc.aio.Server) -> None:
        """Adds its servicers to the server."""

    async def probe_engine(self) -> None:
        """Returns while its own engine makes progress, whatever its peers do: otherwise only a restart helps."""

    async def probe(self) -> None:
        """Returns when what it needs besides its engine is there, raises when it is not.

        Both are asked every second, each at most one second long.
        """

    async def drain(self, time_left_s: float) -> None:
        """Takes nothing new, tells its clients, returns when no live session must be waited for."""


Build = Callable[[ServiceContext], AbstractAsyncContextManager[Service]]


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """A started server."""

    address: str
    """`host:port`."""
    context: ServiceContext
    service: Service
    health: HealthWatcher
    grpc_server: grpc.aio.Server

    async def drain(self, time_left_s: float) -> None:
        """Health NOT_SERVING, then the service's own drain, which has `time_left_s` and not much more."""
        await self.health.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(time_left_s + DRAIN_MARGIN_S):
                await self.service.drain(time_left_s)


@asynccontextmanager
async def started(name: str, config: ServerConfig, build: Build) -> AsyncIterator[RunningServer]:
    """Starts a service in the running event loop; leaving stops it and frees everything, without a drain."""
    async with AsyncExitStack() as stack:
        context = _make_context(name, config, stack)
        service = await stack.enter_async_context(build(context))
        health = HealthWatcher(service.full_names, service.probe_engine, service.probe, context.log)
        grpc_server = grpc.aio.server(options=list(SERVER_OPTIONS), interceptors=[ErrorInterceptor(context.log)])
        service.register(grpc_server)
        health.register(grpc_server)
        reflection.enable_server_reflection(
            (*service.full_names, "grpc.health.v1.Health", reflection.SERVICE_NAME), grpc_server
        )
        address = _listen(grpc_server, config, context.log)
        await grpc_server.start()
        stack.push_async_callback(grpc_server.stop, STOP_GRACE_S)
        if config.health_port:
            await _serve_health_alone(health, config, stack)
        await health.check()
        watching = asyncio.create_task(health.watch(), name="health")
        stack.push_async_callback(_cancelled, watching)
        context.log.info("listening", address=address, serving=health.is_serving)
        yield RunningServer(address=address, context=context, service=service, health=health, grpc_server=grpc_server)


@asynccontextmanager
async def running_service(name: str, config: ServerConfig, build: Build) -> AsyncIterator[str]:
    """Like `started`, yields only the address `host:port`."""
    async with started(name, config, build) as server:
        yield server.address


def run_service(name: str, config: ServerConfig, build: Build) -> None:
    """Runs a service until SIGTERM or SIGINT; a second signal ends at once.

    Prints one line, `<name> ready on <host:port>`, once the service listens and its probe succeeded.

    Raises:
        SystemExit: the service could not start because of its configuration; the message says why.
    """
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(name, config, build))
    except (WanStreamerError, OSError) as error:
        raise SystemExit(f"{name}: {error}") from error


async def _serve(name: str, config: ServerConfig, build: Build) -> None:
    with StopSignals() as signals:
        leaving = asyncio.create_task(_cancel_at_first(signals, asyncio.current_task()), name="signal while starting")
        try:
            async with started(name, config, partial(_settled, build)) as server:
                await _cancelled(leaving)
                await _serve_until_told(server, signals, config)
        except asyncio.CancelledError:
            # Told to end before it had begun: what it waited for may never come.
            if leaving.cancelled() or not leaving.done():
                raise


async def _serve_until_told(server: RunningServer, signals: StopSignals, config: ServerConfig) -> None:
    announcing = asyncio.create_task(_announce(server), name="ready line")
    signal_name = await signals.first()
    await _cancelled(announcing)
    server.context.log.info("draining", signal=signal_name, at_most_s=config.drain_seconds)
    draining = asyncio.create_task(server.drain(config.drain_seconds), name="drain")
    second = asyncio.create_task(signals.second(), name="second signal")
    await asyncio.wait((draining, second), return_when=asyncio.FIRST_COMPLETED)
    await _cancelled(second)
    await _cancelled(draining)
    server.context.log.info("stopped")


async def _cancel_at_first(signals: StopSignals, task: asyncio.Task[None] | None) -> None:
    await signals.first()
    assert task is not None
    task.cancel()


@asynccontextmanager
async def _settled(build: Build, context: ServiceContext) -> AsyncIterator[Service]:
    """A service whose modules and model the garbage collector leaves alone; only for a process of its own."""
    async with build(context) as service:
        # 200 000 objects with torch: every oldest-generation collection stopped all units for 100 to 170 ms, now for 2.
        gc.collect()
        gc.freeze()
        yield service


async def _announce(server: RunningServer) -> None:
    await server.health.wait_serving()
    sys.stdout.write(f"{server.context.name} ready on {server.address}\n")
    sys.stdout.flush()


def _make_context(name: str, config: ServerConfig, stack: AsyncExitStack) -> ServiceContext:
    log = configure_logs(name, config.log_level, json=config.log_json)
    registry = new_registry()
    metrics = ServiceMetrics(name, registry)
    tracing = configure_tracing(
        name, trace_dir=config.trace_dir, otlp_endpoint=config.otlp_endpoint, sampling=config.trace_sampling
    )
    stack.callback(tracing.shutdown)
    if config.metrics_port:
        stack.callback(start_metrics_server(config.metrics_port, registry, host=config.host).close)
    return ServiceContext(
        name=name, log=log, metrics=metrics, tracing=tracing, recorder=FlightRecorder(tracing, metrics)
    )


def _listen(server: grpc.aio.Server, config: ServerConfig, log: FilteringBoundLogger) -> str:
    tls = config.server_tls()
    if tls is None:
        return _bound(config, config.port, "--port", server.add_insecure_port)
    credentials = tls.credentials(log)
    return _bound(config, config.port, "--port", lambda address: server.add_secure_port(address, credentials))


async def _serve_health_alone(health: HealthWatcher, config: ServerConfig, stack: AsyncExitStack) -> None:
    server = grpc.aio.server(options=list(SERVER_OPTIONS))
    health.register(server)
    _bound(config, config.health_port, "--health-port", server.add_insecure_port)
    await server.start()
    stack.push_async_callback(server.stop, STOP_GRACE_S)


def _bound(config: ServerConfig, port: int, option: str, bind: Callable[[str], int]) -> str:
    try:
        return f"{config.host}:{bind(f'{config.host}:{port}')}"
    except RuntimeError as error:
        raise WanStreamerError(
            f"cannot listen on {config.host}:{port}: is the port taken? Choose another with {option}", reason="PORT"
        ) from error


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """Ends a task of ours and waits for its end; an error it had is raised here."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
