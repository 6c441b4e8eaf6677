"""The thinker's side of the stream to its performer group."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import grpc

from wan_streamer.errors import PeerUnavailable
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.rpc.stream import ClientStream
from wan_streamer.v1 import performer_pb2 as pb
from wan_streamer.v1 import performer_pb2_grpc

DESCRIBE_LIMIT_S = 2.0

# Slices out, latents in.
PerformerLink: TypeAlias = ClientStream[pb.PerformRequest, pb.PerformResponse]


@asynccontextmanager
async def performing(
    stub: "performer_pb2_grpc.PerformerServiceAsyncStub", start: pb.PerformStart
) -> AsyncIterator[PerformerLink]:
    """Opens a session on the performer group; leaving frees it there.

    Raises:
        WanStreamerError: what the performer answered, for example PlacementLost or CapacityExhausted.
    """
    with ClientStream[pb.PerformRequest, pb.PerformResponse](stub.Perform()) as link:
        await link.write(pb.PerformRequest(start=start))
        started = await link.read()
        if started is None or started.WhichOneof("message") != "started":
            raise PeerUnavailable("the performer did not answer the start of a session with `started`")
        yield link


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
