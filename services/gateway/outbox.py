"""Messages to one client, one at a time."""

import asyncio
from collections.abc import Awaitable, Callable

from wan_streamer.v1 import session_pb2


class Outbox:
    """Writes whole messages from several tasks and knows for how long the client has not taken one."""

    def __init__(self, write: Callable[[session_pb2.ConnectResponse], Awaitable[None]]) -> None:
        self._write = write
        self._turn = asyncio.Lock()
        self._blocked_since_s: float | None = None

    async def send(self, response: session_pb2.ConnectResponse) -> None:
        """Returns when the transport took the message."""
        async with self._turn:
            self._blocked_since_s = asyncio.get_running_loop().time()
            await self._write(response)
            self._blocked_since_s = None

    def blocked_s(self, now_s: float) -> float:
        """How long the message that is being written has waited for the client to read."""
        return 0.0 if self._blocked_since_s is None else now_s - self._blocked_since_s
