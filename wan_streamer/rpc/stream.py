"""Bidirectional streams: the calling side, with the peer's own status at its end, and how a called one begins.

grpc.aio 1.81 replaces the status that a peer ended a stream with by INTERNAL "Internal error from Core" when a write
was under way (grpc issue 36066), which on a busy stream is the rule: the peer's reason, its RetryInfo and even its OK
are lost. `ClientStream.write` therefore sends below `StreamStreamCall.write`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import grpc
from google.protobuf.message import Message
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from wan_streamer.errors import InvalidInput
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.v1.performer_pb2 import PerformStart
from wan_streamer.v1.thinker_pb2 import ConverseStart
from wan_streamer.v1.unit_pb2 import UnitHeader

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


class ClientStream(Generic[RequestT, ResponseT]):
    """One stream: `ClientStream(stub.Connect())`. A context manager; leaving it cancels what is not over yet.

    Any task may write, one task may read.
    """

    def __init__(self, call: "grpc.aio.StreamStreamCall[Any, Any]") -> None:
        self._call: Any = call
        # gRPC takes one message at a time and fails on a second one.
        self._turn = asyncio.Lock()

    async def write(self, request: RequestT) -> bool:
        """Sends a message, returns when the transport took it. False: the stream is over, `read` says why."""
        call = self._call
        async with self._turn:
            await call._metadata_sent.wait()
            if call.done():
                return False
            try:
                await call._cython_call.send_serialized_message(request.SerializeToString())
            except (cygrpc.InternalError, asyncio.InvalidStateError):
                return False
            return True

    async def read(self) -> ResponseT | None:
        """The next message; None when the peer ended the stream with OK.

        Raises:
            WanStreamerError: what the peer ended the stream with.
        """
        try:
            response: Any = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        return None if response is grpc.aio.EOF else response

    async def end(self) -> None:
        """Half-closes: nothing more will be sent."""
        async with self._turn:
            if not self._call.done():
                with suppress(grpc.aio.AioRpcError, cygrpc.InternalError, asyncio.InvalidStateError):
                    await self._call.done_writing()

    def cancel(self) -> None:
        """Ends the stream now; the peer sees it as cancelled."""
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()


async def start_of(requests: AsyncIterator[Any]) -> Any:
    """The `start` of a stream between services, which must be its first message.

    Raises:
        InvalidInput: FIRST_MESSAGE, the stream begins with something else or with nothing.
    """
    async for request in requests:
        if request.WhichOneof("message") == "start":
            return request.start
        break
    raise InvalidInput("got no start, expected it as the first message of the stream", reason="FIRST_MESSAGE")


def check_header(
    what: str, header: UnitHeader, start: ConverseStart | PerformStart, *, outlives_attachments: bool = False
) -> None:
    """Holds a unit's header against the stream's start.

    Args:
        what: what carries the header, for the message.
        outlives_attachments: whether the generation may rise while the stream goes on.

    Raises:
        InvalidInput: HEADER, it is of another session, generation or epoch.
    """
    may_differ = outlives_attachments and header.generation > start.generation
    generation = header.generation if may_differ else start.generation
    got = (header.session_id, header.generation, header.epoch)
    expected = (start.session_id, generation, start.epoch)
    if got != expected:
        raise InvalidInput(f"got a {what} of (session, generation, epoch) {got}, expected {expected}", reason="HEADER")
