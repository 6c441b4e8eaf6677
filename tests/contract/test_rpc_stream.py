"""The calling side of a stream keeps the status that the peer ended it with."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
import structlog

from wan_streamer.errors import CapacityExhausted, PeerUnavailable
from wan_streamer.rpc.channel import SERVER_OPTIONS, open_channel
from wan_streamer.rpc.interceptor import ErrorInterceptor
from wan_streamer.rpc.stream import ClientStream
from wan_streamer.v1 import thinker_pb2 as pb
from wan_streamer.v1 import thinker_pb2_grpc


class Ending(thinker_pb2_grpc.ThinkerServiceServicer):
    """Ends a stream as it is told, in the middle of what the other side writes."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.left = asyncio.Event()

    async def Converse(self, requests, context):
        try:
            await anext(requests)
            await context.write(pb.ConverseResponse(started=pb.ConverseStarted(epoch=5)))
            await asyncio.sleep(0.02)
            if self.error is not None:
                raise self.error
        except asyncio.CancelledError:
            self.left.set()
            raise


@pytest.fixture
async def peer() -> AsyncIterator[tuple[Ending, thinker_pb2_grpc.ThinkerServiceStub]]:
    servicer = Ending()
    interceptors = [ErrorInterceptor(structlog.get_logger())]
    server = grpc.aio.server(options=list(SERVER_OPTIONS), interceptors=interceptors)
    thinker_pb2_grpc.add_ThinkerServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with open_channel(f"127.0.0.1:{port}") as channel:
        yield servicer, thinker_pb2_grpc.ThinkerServiceStub(channel)
    await server.stop(None)


async def write_until_over(stream: ClientStream) -> None:
    while await stream.write(pb.ConverseRequest(start=pb.ConverseStart(session_id="s" * 1000))):
        pass


@pytest.mark.parametrize("error", [None, CapacityExhausted("full", retry_after_s=2.5)])
async def test_a_busy_writer_learns_the_true_end(peer, error: Exception | None) -> None:
    """However busily we write when the peer ends the stream, its own status arrives; grpc.aio alone loses it."""
    servicer, stub = peer
    servicer.error = error
    for _ in range(20):
        with ClientStream(stub.Converse()) as stream:
            writing = asyncio.create_task(write_until_over(stream))
            assert (await stream.read()).started.epoch == 5
            if error is None:
                assert await stream.read() is None
            else:
                with pytest.raises(CapacityExhausted) as refusal:
                    await stream.read()
                assert refusal.value.retry_after_s == 2.5
            await writing
            await stream.end()


async def test_leaving_a_stream_cancels_it(peer) -> None:
    """The peer of a stream that is left sees it cancelled."""
    servicer, stub = peer
    with ClientStream(stub.Converse()) as stream:
        await stream.write(pb.ConverseRequest())
        await stream.read()
    async with asyncio.timeout(5):
        await servicer.left.wait()


async def test_a_stream_to_nobody_is_peer_unavailable() -> None:
    """Writing to a peer that is not there is no error of its own; reading says that it is not there."""
    async with open_channel("127.0.0.1:1") as channel:
        with ClientStream(thinker_pb2_grpc.ThinkerServiceStub(channel).Converse()) as stream:
            await stream.write(pb.ConverseRequest())
            with pytest.raises(PeerUnavailable):
                await stream.read()
