"""Attaching a session that has begun to a gateway again, whichever answers."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from wan_streamer.client.line import CONNECT_LIMIT_S, Line
from wan_streamer.errors import Draining, InvalidInput, PeerUnavailable, WanStreamerError
from wan_streamer.rpc.tls import ChannelTls
from wan_streamer.v1 import session_pb2

FIRST_DELAY_S: Final = 0.1
MAX_DELAY_S: Final = 1.0
# Time of one attempt to connect: what a channel takes for it.
READY_LIMIT_S: Final = 2.0
# The stream that is left plays on meanwhile, but nobody reads it.
MOVE_LIMIT_S: Final = 2.0
# Errors after which the session is still there, as far as one can tell.
RESUMABLE: Final = (PeerUnavailable, Draining)


class Attacher:
    """Knows the addresses of the gateways, and the session with its newest token.

    Args:
        addresses: tried in turn.
        attach: how the session is attached; its token is kept up to date here.
        limit_s: how long a broken session is tried; 0: it is not.
        tls: of every channel; None: plaintext.
    """

    def __init__(
        self, addresses: Sequence[str], attach: session_pb2.Attach, limit_s: float, tls: ChannelTls | None
    ) -> None:
        self._addresses = itertools.cycle([*addresses[1:], addresses[0]])
        self._attach = attach
        self._limit_s = limit_s
        self._tls = tls

    async def resume(self, last_unit_index: int | None, cause: WanStreamerError) -> tuple[Line, session_pb2.Attached]:
        """A new line after one that broke by `cause`.

        Raises:
            WanStreamerError: `cause`, when nobody takes the session in time; why it is refused, when it is for good.
        """
        try:
            async with asyncio.timeout(self._limit_s):
                while True:
                    line = await self.ready_line()
                    try:
                        return line, await self.attach(line, last_unit_index, CONNECT_LIMIT_S)
                    except RESUMABLE:
                        await asyncio.sleep(FIRST_DELAY_S)
                    except InvalidInput as refusal:
                        # Of another key, for one: not what went wrong.
                        raise cause from refusal
                    except WanStreamerError as refusal:
                        raise refusal from cause
        except TimeoutError:
            raise cause from None

    async def ready_line(self) -> Line:
        """A line to the next gateway that answers; it waits for one for ever."""
        for delay_s in itertools.chain((0.0, FIRST_DELAY_S, 3 * FIRST_DELAY_S), itertools.repeat(MAX_DELAY_S)):
            await asyncio.sleep(delay_s)
            async with AsyncExitStack() as stack:
                line = Line(next(self._addresses), self._tls)
                stack.push_async_callback(line.close)
                try:
                    async with asyncio.timeout(READY_LIMIT_S):
                        await line.ready()
                except TimeoutError:
                    continue
                stack.pop_all()
                return line
        raise AssertionError("it is endless")

    async def attach(self, line: Line, last_unit_index: int | None, limit_s: float) -> session_pb2.Attached:
        """Attaches the session on a line, which is closed otherwise.

        Raises:
            WanStreamerError: as `Line.attach`.
        """
        request = session_pb2.Attach()
        request.CopyFrom(self._attach)
        if last_unit_index is not None:
            request.last_received_unit_index = last_unit_index
        try:
            attached = await line.attach(request, limit_s)
        except BaseException:
            await line.close()
            raise
        self._attach.resume_token = attached.resume_token
        return attached
