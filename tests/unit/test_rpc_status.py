"""Errors become statuses and come back as the same errors, over a real loopback call."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from wan_streamer.errors import (
    CapacityExhausted,
    ClientGone,
    Draining,
    EngineFault,
    InvalidInput,
    PeerUnavailable,
    PlacementLost,
    SessionUnknown,
    Superseded,
    WanStreamerError,
)
from wan_streamer.rpc.channel import SERVER_OPTIONS, open_channel
from wan_streamer.rpc.interceptor import ErrorInterceptor
from wan_streamer.rpc.status import MAX_MESSAGE_LENGTH, from_rpc_error, single_cause, to_status

TABLE = [
    (
        InvalidInput('got 3, expected 4: say "vier" \u2014 or \u56db', reason="VIDEO_FORMAT"),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    (ClientGone("says nothing", reason="CLIENT_STALLED"), grpc.StatusCode.DEADLINE_EXCEEDED),
    (SessionUnknown("no session s"), grpc.StatusCode.NOT_FOUND),
    (CapacityExhausted("all places taken", retry_after_s=7.25), grpc.StatusCode.RESOURCE_EXHAUSTED),
    (PlacementLost("gone"), grpc.StatusCode.FAILED_PRECONDITION),
    (Superseded("newer attach"), grpc.StatusCode.ABORTED),
    (Draining("leaving"), grpc.StatusCode.UNAVAILABLE),
    (PeerUnavailable("thinker away", reason="THINKER_AWAY"), grpc.StatusCode.UNAVAILABLE),
    (EngineFault("solver"), grpc.StatusCode.INTERNAL),
    (WanStreamerError("odd"), grpc.StatusCode.INTERNAL),
]


class Raising(health_pb2_grpc.HealthServicer):
    """A servicer that raises what it is told, from a unary call and from both styles of a stream."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def Check(self, request, context):
        raise self.error

    async def Watch(self, request, context):
        yield health_pb2.HealthCheckResponse()
        raise ExceptionGroup("tasks", [ValueError("a consequence"), self.error])


@pytest.fixture
async def serve() -> AsyncIterator[Callable]:
    servers: list[grpc.aio.Server] = []
    channels: list[grpc.aio.Channel] = []

    async def start(error: BaseException) -> health_pb2_grpc.HealthStub:
        server = grpc.aio.server(options=list(SERVER_OPTIONS), interceptors=[ErrorInterceptor(structlog.get_logger())])
        health_pb2_grpc.add_HealthServicer_to_server(Raising(error), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        servers.append(server)
        channels.append(open_channel(f"127.0.0.1:{port}"))
        return health_pb2_grpc.HealthStub(channels[-1])

    yield start
    for channel in channels:
        await channel.close()
    for server in servers:
        await server.stop(None)


@pytest.mark.parametrize(("error", "code"), TABLE, ids=lambda value: getattr(value, "reason", None))
async def test_an_error_passes_a_hop_unchanged(serve, error: WanStreamerError, code: grpc.StatusCode) -> None:
    """Class, message, reason and waiting time survive a call and the end of a stream, with the code of the table."""
    stub = await serve(error)
    with pytest.raises(grpc.aio.AioRpcError) as unary:
        await stub.Check(health_pb2.HealthCheckRequest())
    with pytest.raises(grpc.aio.AioRpcError) as stream:
        [response async for response in stub.Watch(health_pb2.HealthCheckRequest())]
    for refusal in (unary.value, stream.value):
        assert refusal.code() == code
        back = from_rpc_error(refusal)
        assert type(back) is type(error)
        assert (str(back), back.reason) == (str(error), error.reason)
        assert getattr(back, "retry_after_s", None) == getattr(error, "retry_after_s", None)


async def test_an_unknown_exception_tells_nothing_of_itself(serve) -> None:
    """What is not ours becomes INTERNAL with a generic message: no internals leak to a caller."""
    stub = await serve(ZeroDivisionError("secret detail"))
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stub.Check(health_pb2.HealthCheckRequest())
    assert refusal.value.code() == grpc.StatusCode.INTERNAL
    assert "secret" not in refusal.value.details()
    assert from_rpc_error(refusal.value).reason == "INTERNAL"


async def test_a_peer_that_is_not_there_is_unavailable() -> None:
    """A connection that nobody answers is PeerUnavailable."""
    async with open_channel("127.0.0.1:1") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert isinstance(from_rpc_error(refusal.value), PeerUnavailable)


def test_a_very_long_message_is_cut() -> None:
    """Details fit into the metadata limit of any peer."""
    assert len(to_status(InvalidInput("x" * 100_000)).message) == MAX_MESSAGE_LENGTH


def test_a_group_stands_for_its_first_error_of_ours() -> None:
    """Of the errors of a task group the first of our tree speaks, however deep it is; otherwise the first of all."""
    ours = InvalidInput("ours")
    assert single_cause(ExceptionGroup("g", [ValueError(), ExceptionGroup("h", [ours])])) is ours
    other = ValueError()
    assert single_cause(ExceptionGroup("g", [other, KeyError()])) is other


async def test_cancellation_is_no_error(serve) -> None:
    """A caller that leaves cancels the handler; nothing is mapped."""
    stub = await serve(InvalidInput("never seen"))
    call = stub.Watch(health_pb2.HealthCheckRequest())
    await call.read()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call.read()
