"""The life of a service process: ready line, health, reflection, metrics, drain, end by signal."""

import asyncio
import contextlib
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from wan_streamer.errors import WanStreamerError
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.config import ServerConfig
from wan_streamer.rpc.health import LIVE_NAME
from wan_streamer.rpc.server import running_service, started

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Engine:
    """A service without RPCs of its own whose probe fails, hangs or succeeds on demand."""

    full_names = ("wan_streamer.v1.Nothing",)

    def __init__(self) -> None:
        self.works = asyncio.Event()
        self.error: Exception | None = None
        self.is_frozen = False
        self.drained_with_s: float | None = None

    def register(self, server: grpc.aio.Server) -> None:
        """It has nothing to register."""

    async def probe_engine(self) -> None:
        if self.is_frozen:
            await asyncio.Event().wait()

    async def probe(self) -> None:
        if self.error is not None:
            raise self.error
        await self.works.wait()

    async def drain(self, time_left_s: float) -> None:
        self.drained_with_s = time_left_s


@contextlib.asynccontextmanager
async def build(engine: Engine) -> AsyncIterator[Engine]:
    yield engine


async def ask_health(address: str, name: str = "") -> int:
    async with open_channel(address) as channel:
        return (await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))).status


async def until_health(address: str, expected: int, name: str = "") -> None:
    async with asyncio.timeout(10), open_channel(address) as channel:
        async for answer in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=name)):
            if answer.status == expected:
                return


async def test_health_is_what_the_probe_says() -> None:
    """SERVING while the probe answers; NOT_SERVING when it raises or does not answer within its second."""
    engine = Engine()
    engine.works.set()
    async with running_service("test", ServerConfig(), lambda context: build(engine)) as address:
        assert await ask_health(address) == SERVING
        assert await ask_health(address, engine.full_names[0]) == SERVING
        engine.error = RuntimeError("the engine is dead")
        await until_health(address, NOT_SERVING)
        engine.error = None
        await until_health(address, SERVING)
        engine.works.clear()
        await until_health(address, NOT_SERVING)


async def test_live_is_the_engine_alone() -> None:
    """Without its peers a service cannot work but is alive; with a frozen engine it is neither."""
    engine = Engine()
    engine.error = RuntimeError("the performer is gone")
    async with running_service("test", ServerConfig(), lambda context: build(engine)) as address:
        await until_health(address, SERVING, LIVE_NAME)
        assert await ask_health(address) == NOT_SERVING
        engine.error = None
        engine.works.set()
        await until_health(address, SERVING)
        engine.is_frozen = True
        await until_health(address, NOT_SERVING, LIVE_NAME)
        await until_health(address, NOT_SERVING)
        engine.is_frozen = False
        await until_health(address, SERVING)


async def test_a_service_that_is_starting_is_probed_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the first success health does not wait for the usual interval between two probes."""
    monkeypatch.setattr("wan_streamer.rpc.health.PROBE_INTERVAL_S", 3600)
    engine = Engine()
    engine.works.set()
    engine.error = RuntimeError("not yet")
    async with running_service("test", ServerConfig(), lambda context: build(engine)) as address:
        assert await ask_health(address) == NOT_SERVING
        engine.error = None
        await until_health(address, SERVING)


async def test_a_watcher_that_leaves_does_not_deafen_the_others() -> None:
    """Everyone who watches health hears of a change, whoever watched and left before."""
    engine = Engine()
    engine.works.set()
    async with (
        running_service("test", ServerConfig(), lambda context: build(engine)) as address,
        open_channel(address) as channel,
    ):
        staying, leaving = (
            health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()) for _ in range(2)
        )
        assert [(await call.read()).status for call in (staying, leaving)] == [SERVING, SERVING]
        leaving.cancel()
        engine.error = RuntimeError("the engine is dead")
        assert (await staying.read()).status == NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await ask_health(address, "unknown.Service")
        assert refusal.value.code() == grpc.StatusCode.NOT_FOUND


async def test_drain_ends_health_before_the_service_drains() -> None:
    """A draining server is NOT_SERVING for good although its probe still succeeds."""
    engine = Engine()
    engine.works.set()
    async with started("test", ServerConfig(), lambda context: build(engine)) as server:
        await server.drain(3)
        assert engine.drained_with_s == 3
        assert await server.health.check() is False
        assert await ask_health(server.address) == NOT_SERVING


async def test_reflection_and_metrics_are_on() -> None:
    """A stranger with grpcurl sees the services, and Prometheus its metrics."""
    engine = Engine()
    engine.works.set()
    probe = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    metrics_port = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    config = ServerConfig(metrics_port=metrics_port)
    async with running_service("test", config, lambda context: build(engine)) as address:
        async with open_channel(address) as channel:
            call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
                iter([reflection_pb2.ServerReflectionRequest(list_services="")])
            )
            answer = await call.read()
        assert engine.full_names[0] in {service.name for service in answer.list_services_response.service}
        page = await asyncio.to_thread(
            lambda: urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics").read().decode()
        )
        assert "wan_streamer_sessions" in page


async def test_a_taken_port_is_refused_with_what_to_do() -> None:
    """Two services on one port would each get half of the connections, so the second one refuses to start."""
    engine = Engine()
    engine.works.set()
    async with running_service("test", ServerConfig(), lambda context: build(engine)) as address:
        config = ServerConfig(port=int(address.rpartition(":")[2]))
        with pytest.raises(WanStreamerError, match="--port"):
            async with running_service("test", config, lambda context: build(engine)):
                pass


PROCESS = """
import asyncio, contextlib, gc, sys
from wan_streamer.rpc.config import ServerConfig
from wan_streamer.rpc.server import run_service

class Engine:
    full_names = ("wan_streamer.v1.Nothing",)
    def register(self, server):
        if sys.argv[1] == "frozen":
            print("frozen:", gc.get_freeze_count() > 10_000)
    async def probe_engine(self): pass
    async def probe(self): pass
    async def drain(self, time_left_s):
        if sys.argv[1] == "busy":
            sys.stderr.write("a session is live\\n")
            sys.stderr.flush()
            await asyncio.sleep(60)

@contextlib.asynccontextmanager
async def build(context):
    yield Engine()
    print("freed")

run_service("test", ServerConfig(drain_seconds=40), build)
"""


async def start_process(kind: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROCESS, kind, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    if kind == "frozen":
        assert await process.stdout.readline() == b"frozen: True\n"
    assert (await process.stdout.readline()).startswith(b"test ready on 127.0.0.1:")
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_an_idle_process(number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C free everything and exit with 0 after one ready line."""
    process = await start_process("idle")
    process.send_signal(number)
    out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"freed\n")


async def test_the_garbage_collector_leaves_a_loaded_process_alone() -> None:
    """Before a service listens, what it has loaded is taken out of the collector's work."""
    process = await start_process("frozen")
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0


async def test_a_second_signal_ends_a_drain() -> None:
    """Who presses Ctrl-C again does not wait for live sessions."""
    process = await start_process("busy")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while b"a session is live" not in await process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"freed\n")
