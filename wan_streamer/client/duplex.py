"""One conversation's messages, in and out, over one line after the other; reads and writes may be cancelled.

grpc.aio ends the whole call when a task that waits in `read` or `write` is cancelled; a player that uses time limits
would end its conversation. Here one task reads, writes are shielded, and only `close` ends the call.

The same task attaches the session again when its line breaks, and ahead of that when the gateway says that it goes
away: then the old line is read until the new one has the session.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from wan_streamer.client.attacher import FIRST_DELAY_S, MOVE_LIMIT_S, RESUMABLE, Attacher
from wan_streamer.client.line import Line
from wan_streamer.client.unheard import Unheard
from wan_streamer.errors import InvalidInput, PeerUnavailable, WanStreamerError
from wan_streamer.v1.session_pb2 import Attached, ConnectRequest, ConnectResponse, Leave

# As many responses wait in the client as units may queue in a service: beyond that the gateway must notice.
QUEUED_RESPONSE_COUNT: Final = 3
# How long a write that failed waits to learn why.
STATUS_LIMIT_S: Final = 1.0
# How long a client that leaves waits until the gateway has heard it.
LEAVE_LIMIT_S: Final = 0.2


class DuplexStream:
    """The `Connect` streams of one session. After a resume an `attached` comes among the responses.

    Args:
        line: attached.
        attacher: attaches the session on further ones.
        unheard: keeps what those must be sent again.
    """

    def __init__(self, line: Line, attacher: Attacher, unheard: Unheard) -> None:
        self._line = line
        self._attacher = attacher
        self._unheard = unheard
        self._responses: deque[ConnectResponse] = deque()
        self._changed = asyncio.Condition()
        self._is_over = False
        self._is_resuming = False
        self._has_ended = False
        self._takes_all = False
        self._failure: WanStreamerError | None = None
        self._last_unit_index: int | None = None
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
        """Whether the session is over."""
        return self._is_over

    async def read(self) -> ConnectResponse | None:
        """The next response, None after the last.

        Raises:
            WanStreamerError: the session ended with an error.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._responses or self._is_over)
            if self._responses:
                self._changed.notify_all()
                return self._responses.popleft()
        if self._failure is not None:
            raise self._failure
        return None

    async def write(self, request: ConnectRequest) -> None:
        """Sends one request; returns when it was handed to the network.

        While the session has no line, live media and playout are dropped: a new attachment begins without them. What
        must be heard is sent when there is one.

        Raises:
            WanStreamerError: the session has ended; with the gateway's error if there is one.
        """
        async with self._write_lock:
            if self._pending_write is not None:
                await asyncio.shield(self._pending_write)  # its own caller was cancelled while it was under way
            self._pending_write = asyncio.create_task(self._write(request))
            await asyncio.shield(self._pending_write)
            self._pending_write = None

    async def close(self) -> None:
        """Leaves the session, so that its place is free, and ends the call; no error comes from here."""
        if not (self._is_over or self._is_resuming):
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_LIMIT_S):
                    await self._line.stream.write(ConnectRequest(leave=Leave()))
                    await self._until(lambda: self._is_over)
        self._line.stream.cancel()
        tasks = [task for task in (self._reader, self._pending_write) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._line.close()

    async def _read_all(self) -> None:
        try:
            while await self._read_line():
                pass
        except WanStreamerError as error:
            self._failure = error
        finally:
            self._is_over = True
        await self._tell()

    async def _read_line(self) -> bool:
        """Reads one line to its end; whether another one follows."""
        reading: asyncio.Task[ConnectResponse | None] | None = None
        moving: asyncio.Task[Line] | None = None
        try:
            while True:
                reading = reading or asyncio.create_task(self._line.stream.read())
                await asyncio.wait([task for task in (reading, moving) if task], return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    try:
                        response = reading.result()
                    except RESUMABLE as error:
                        if self._has_ended:
                            return False
                        await self._resume(error)
                        return True
                    if response is None:
                        return False
                    reading = None
                    await self._enqueue(response)
                    if response.go_away.resumable and moving is None:
                        moving = asyncio.create_task(self._attacher.ready_line())
                elif moving is not None and moving.done():
                    line, moving = moving.result(), None
                    attached = await self._attach_elsewhere(line)
                    if isinstance(attached, Attached):
                        await self._adopt(line, attached)
                        return True
                    if attached:
                        moving = asyncio.create_task(self._ready_line_later())
        finally:
            await _discard(reading)
            await _discard(moving)

    async def _resume(self, cause: WanStreamerError) -> None:
        self._is_resuming = True
        await self._tell()
        await self._line.close()
        await self._adopt(*await self._attacher.resume(self._last_unit_index, cause))

    async def _attach_elsewhere(self, line: Line) -> Attached | bool:
        """What a gateway answers while the old line goes on; otherwise whether to try on."""
        try:
            return await self._attacher.attach(line, self._last_unit_index, MOVE_LIMIT_S)
        except RESUMABLE:
            return True
        except WanStreamerError:
            # It would be refused again; the session lives as long as its line.
            return False

    async def _ready_line_later(self) -> Line:
        await asyncio.sleep(3 * FIRST_DELAY_S)
        return await self._attacher.ready_line()

    async def _adopt(self, line: Line, attached: Attached) -> None:
        """From here on this line has the session."""
        old = self._line
        self._is_resuming = True
        await self._tell()
        old.stream.cancel()  # who writes to it lets go
        await self._write_lock.acquire()
        self._line = line
        self._is_resuming = self._takes_all = False
        await self._enqueue(ConnectResponse(attached=attached))
        # Beside reading: the gateway may take no more before its units are taken.
        self._pending_write = asyncio.create_task(self._write_again(line))
        await old.close()

    async def _write_again(self, line: Line) -> None:
        try:
            for request in self._unheard.again():
                await line.stream.write(request)
        finally:
            self._write_lock.release()

    async def _enqueue(self, response: ConnectResponse) -> None:
        async with self._changed:
            self._has_ended = self._has_ended or response.HasField("ended")
            if response.HasField("unit"):
                await self._changed.wait_for(lambda: self._takes_all or len(self._responses) < QUEUED_RESPONSE_COUNT)
                self._last_unit_index = response.unit.header.unit_index
                self._unheard.came_back(self._last_unit_index)
            self._responses.append(response)
            self._changed.notify_all()

    async def _write(self, request: ConnectRequest) -> None:
        self._unheard.sent(request)
        if await self._line.stream.write(request):
            return
        await self._until_known()
        if self._is_over:
            raise self._failure or InvalidInput(
                "got a message for a session that has ended, expected none; connect again for a new session",
                reason="SESSION_ENDED",
            )
        self._unheard.lost(request)

    async def _until_known(self) -> None:
        """The line is broken: waits until it is known whether the session is over, too.

        That comes behind the last response, so all are taken in.
        """
        try:
            async with asyncio.timeout(STATUS_LIMIT_S):
                await self._until(lambda: self._is_over or self._is_resuming)
        except TimeoutError:
            raise PeerUnavailable(
                "the stream broke off and the service did not say why; see the log of the gateway"
            ) from None

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with self._changed:
            self._takes_all = True
            self._changed.notify_all()
            await self._changed.wait_for(is_so)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def _discard(task: asyncio.Task[Any] | None) -> None:
    """Ends a task whose result nobody wants; a line that it has opened is closed."""
    if task is None:
        return
    task.cancel()
    results: list[object] = await asyncio.gather(task, return_exceptions=True)
    for result in results:
        if isinstance(result, Line):
            await result.close()
