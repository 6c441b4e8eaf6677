"""One stream of a gateway that has a session: units in, answers out, until it breaks, is replaced or all is over."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from services.thinker.conversation import Conversation
from wan_streamer.errors import InvalidInput, Superseded
from wan_streamer.v1 import session_pb2
from wan_streamer.v1 import thinker_pb2 as pb

Write = Callable[[pb.ConverseResponse], Awaitable[None]]


class Attachment:
    """Takes the session from whoever has it; made and begun without a pause, so that no unit falls between two streams.

    Args:
        start: the stream's first message.
        write: sends to the gateway.
    """

    def __init__(self, start: pb.ConverseStart, conversation: Conversation, write: Write) -> None:
        self._conversation = conversation
        self._write = write
        self._is_resumed = conversation.presence.generation > 0
        self._start = pb.ConverseStart()
        self._start.CopyFrom(start)
        self._start.generation = conversation.presence.attach(start.generation)
        self._next_unit_index = conversation.next_unit_index
        is_told = self._is_resumed and start.HasField("last_received_unit_index")
        self._sent_unit_index = start.last_received_unit_index if is_told else self._next_unit_index - 1
        self._is_leaving_said = False
        # The older stream learns it.
        conversation.changed.notify()

    @property
    def generation(self) -> int:
        """Of this stream."""
        return self._start.generation

    async def run(self, requests: AsyncIterator[pb.ConverseRequest], phase_us: int) -> None:
        """Returns when the session is over and all is sent.

        Raises:
            Superseded: a newer stream has the session.
            WanStreamerError: what ended the session.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                started = pb.ConverseStarted(
                    epoch=self._start.epoch,
                    phase_us=phase_us,
                    generation=self.generation,
                    is_resumed=self._is_resumed,
                    next_unit_index=self._next_unit_index,
                )
                await self._write(pb.ConverseResponse(started=started))
                listening = tasks.create_task(self._listen(requests))
                await self._answer()
                listening.cancel()
        finally:
            self._conversation.presence.leave(self.generation)

    async def _listen(self, requests: AsyncIterator[pb.ConverseRequest]) -> None:
        async for request in requests:
            kind = request.WhichOneof("message")
            if kind == "unit":
                await self._conversation.take(self._start, request.unit)
            elif kind == "end":
                self._conversation.finish()
            else:
                error = InvalidInput("got a second start, expected units after the first message", reason="MESSAGE")
                self._conversation.stop(error)
        # Without `end` before it this is no end: of a stream that breaks, too, this is what comes first.
        self._conversation.presence.leave(self.generation)

    async def _answer(self) -> None:
        conversation = self._conversation
        while True:
            await conversation.changed.until(self._has_something)
            if not self._is_newest:
                raise Superseded("a newer attach of this session took over")
            if (go_away := self._go_away()) is not None:
                await self._write(pb.ConverseResponse(go_away=go_away))
            elif (unit := conversation.kept.first_after(self._sent_unit_index)) is not None:
                self._sent_unit_index = unit.header.unit_index
                unit.header.generation = self.generation
                await self._write(pb.ConverseResponse(unit=unit))
            elif conversation.error is not None:
                raise conversation.error
            else:
                return

    @property
    def _is_newest(self) -> bool:
        return self._conversation.presence.generation == self.generation

    def _has_something(self) -> bool:
        conversation = self._conversation
        return (
            not self._is_newest
            or conversation.is_over
            or (conversation.leaving is not None and not self._is_leaving_said)
            or conversation.kept.first_after(self._sent_unit_index) is not None
        )

    def _go_away(self) -> session_pb2.GoAway | None:
        leaving = self._conversation.leaving
        if leaving is None or self._is_leaving_said:
            return None
        self._is_leaving_said = True
        # What goes away holds the session's state: elsewhere nobody could go on with it.
        go_away = session_pb2.GoAway(reason=leaving.reason, resumable=False)
        go_away.time_left.FromMilliseconds(max(0, round((leaving.at_monotonic_s - time.monotonic()) * 1e3)))
        return go_away
