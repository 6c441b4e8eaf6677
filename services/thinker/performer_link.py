"""The thinker's side of the stream to its performer group."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from wan_streamer.errors import PeerUnavailable
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.v1 import performer_pb2 as pb
from wan_streamer.v1 import performer_pb2_grpc

DESCRIBE_LIMIT_S = 2.0


class PerformerLink:
    """One session's stream: slices out, latents in. Errors of the peer come out as ours."""

    def __init__(self, call: "grpc.aio.StreamStreamCall[pb.PerformRequest, pb.PerformResponse]") -> None:
        self._call = call

    async def send(self, kv_slice: pb.KvSlice) -> None:
        """Sends a slice."""
        await self._guard(self._call.write(pb.PerformRequest(slice=kv_slice)))

    async def end(self) -> None:
        """No more slices will come."""
        await self._guard(self._call.done_writing())

    async def receive(self) -> pb.PerformResponse | None:
        """The next message, None at the end of the stream."""
        response = await self._guard(self._call.read())
        return None if response is grpc.aio.EOF else response

    async def _guard(self, operation: Any) -> Any:
        try:
            return await operation
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        except grpc.aio.UsageError as error:
            # The peer ended the stream while we were writing: its status says why.
            raise await self._end_of_call() from error

    async def _end_of_call(self) -> Exception:
        code, details = await self._call.code(), await self._call.details()
        return PeerUnavailable(f"the performer ended the session's stream ({code.name}: {details})")


@asynccontextmanager
async def performing(
    stub: "performer_pb2_grpc.PerformerServiceAsyncStub", start: pb.PerformStart
) -> AsyncIterator[PerformerLink]:
    """Opens a session on the performer group; leaving frees it there.

    Raises:
        WanStreamerError: what the performer answered, for example PlacementLost or CapacityExhausted.
    """
    call = stub.Perform()
    try:
        link = PerformerLink(call)
        await link._guard(call.write(pb.PerformRequest(start=start)))
        started = await link.receive()
        if started is None or started.WhichOneof("message") != "started":
            raise PeerUnavailable("the performer did not answer the start of a session with `started`")
        yield link
    finally:
        call.cancel()


async def describe_performer(
    stub: "performer_pb2_grpc.PerformerServiceAsyncStub",
) -> pb.DescribePerformerResponse:
    """What the group runs and how full it is.

    Raises:
        PeerUnavailable: it does not answer in time.
    """
    try:
        return await stub.DescribePerformer(pb.DescribePerformerRequest(), timeout=DESCRIBE_LIMIT_S)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
