"""One bidirectional gRPC stream whose reads and writes may be cancelled without ending the call.

grpc.aio ends the whole call when a task that waits in `read` or `write` is cancelled; a player that uses time limits
would end its conversation. Here one task reads, writes are shielded, and only `close` ends the call.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Self

from wan_streamer.errors import InvalidInput, PeerUnavailable, WanStreamerError
from wan_streamer.rpc.stream import ClientStream
from wan_streamer.v1 import session_pb2

# As many responses wait in the client as units may queue in a service: beyond that the gateway must notice.
QUEUED_RESPONSE_COUNT: Final = 3
# How long a write that failed waits to learn why.
STATUS_LIMIT_S: Final = 1.0

ConnectStream = ClientStream[session_pb2.ConnectRequest, session_pb2.ConnectResponse]


class DuplexStream:
    """The `Connect` stream of one session."""

    def __init__(self, stream: ConnectStream) -> None:
        self._stream = stream
        self._responses: deque[session_pb2.ConnectResponse] = deque()
        self._changed = asyncio.Condition()
        self._is_over = False
        self._takes_all = False
        self._failure: WanStreamerError | None = None
        self._write_lock = asyncio.Lock()
        self._pending_write: asyncio.Task[None] | None = None
        self._reader = asyncio.create_task(self._read_all())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def is_over(self) -> bool:
        """Whether the gateway has closed the stream."""
        return self._is_over

    async def read(self) -> session_pb2.ConnectResponse | None:
        """The next response, None after the last.

        Raises:
            WanStreamerError: the call ended with an error.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._responses or self._is_over)
            if self._responses:
                self._changed.notify_all()
                return self._responses.popleft()
        if self._failure is not None:
            raise self._failure
        return None

    async def write(self, request: session_pb2.ConnectRequest) -> None:
        """Sends one request; returns when it was handed to the network.

        Raises:
            WanStreamerError: the call has ended; with the gateway's error if there is one.
        """
        async with self._write_lock:
            if self._pending_write is not None:
                await asyncio.shield(self._pending_write)  # its own caller was cancelled while it was under way
            self._pending_write = asyncio.create_task(self._write(request))
            await asyncio.shield(self._pending_write)
            self._pending_write = None

    async def close(self) -> None:
        """Ends the call, cancelling it if it has not ended by itself; no error comes from here."""
        self._stream.cancel()
        tasks = [task for task in (self._reader, self._pending_write) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_all(self) -> None:
        try:
            while (response := await self._stream.read()) is not None:
                async with self._changed:
                    await self._changed.wait_for(
                        lambda: self._takes_all or len(self._responses) < QUEUED_RESPONSE_COUNT
                    )
                    self._responses.append(response)
                    self._changed.notify_all()
        except WanStreamerError as error:
            self._failure = error
        finally:
            self._is_over = True
        async with self._changed:
            self._changed.notify_all()

    async def _write(self, request: session_pb2.ConnectRequest) -> None:
        if not await self._stream.write(request):
            raise await self._error() or InvalidInput(
                "got a message for a session that has ended, expected none; connect again for a new session",
                reason="SESSION_ENDED",
            )

    async def _error(self) -> WanStreamerError | None:
        """Why the stream is over; None when it ended well. That comes behind the last response, so all are taken in."""
        async with self._changed:
            self._takes_all = True
            self._changed.notify_all()
            try:
                async with asyncio.timeout(STATUS_LIMIT_S):
                    await self._changed.wait_for(lambda: self._is_over)
            except TimeoutError:
                return PeerUnavailable(
                    "the stream broke off and the service did not say why; see the log of the gateway"
                )
        return self._failure
