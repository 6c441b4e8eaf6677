"""A session on this thinker: begun by its first stream, alive as long as a stream has it and for a grace after."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from structlog.typing import FilteringBoundLogger

from services.thinker.attachment import Attachment
from services.thinker.conversation import Conversation, Leaving
from wan_streamer.errors import Draining, WanStreamerError
from wan_streamer.rpc.status import single_cause
from wan_streamer.v1 import thinker_pb2 as pb

# Its engine state and its performer stream: entered when it begins, left when it is over.
Open = AbstractAsyncContextManager[Conversation]


class LiveSession:
    """Runs a conversation in a task of its own: streams of gateways come and go beside it.

    That a stream's end is not the session's end costs this task and what it keeps: the thinker's history, the open
    stream to the performer (whose history ends with it) and the newest answers. Nothing is written down: a thinker or a
    group that is lost takes its sessions along, and says so to whoever asks.
    """

    def __init__(self, opened: Open, phase_us: int, epoch: int, log: FilteringBoundLogger) -> None:
        self._log = log
        self._phase_us = phase_us
        self.epoch = epoch
        self._begun: asyncio.Future[Conversation] = asyncio.get_running_loop().create_future()
        self._leaving: Leaving | None = None
        self.task = asyncio.create_task(self._live(opened), name="session")

    async def converse(
        self,
        start: pb.ConverseStart,
        requests: AsyncIterator[pb.ConverseRequest],
        write: Callable[[pb.ConverseResponse], Awaitable[None]],
    ) -> None:
        """One stream, from its start to its end; takes the session from an older stream.

        Raises:
            WanStreamerError: as `Attachment.run`; and what kept the session from beginning.
        """
        conversation = await asyncio.shield(self._begun)
        attachment = Attachment(start, conversation, write)
        log = self._log.bind(generation=attachment.generation)
        log.info("attached")
        try:
            await attachment.run(requests, self._phase_us)
        finally:
            log.info("detached")
            if conversation.is_over:
                # Its places, here and on the performer, are free before the gateway hears of the end.
                await asyncio.wait((self.task,))

    def leave(self, leaving: Leaving) -> None:
        """Its stream, now and later, is told that the session will end."""
        self._leaving = leaving
        if self._is_begun:
            self._begun.result().leave(leaving)

    def stop(self, error: WanStreamerError) -> None:
        """Ends it now, with an error for its stream."""
        if self._is_begun:
            self._begun.result().stop(error)
        else:
            self.task.cancel()

    @property
    def _is_begun(self) -> bool:
        return self._begun.done() and self._begun.exception() is None

    async def _live(self, opened: Open) -> None:
        outcome = "ended"
        self._log.info("session opened")
        try:
            async with opened as conversation:
                if self._leaving is not None:
                    conversation.leave(self._leaving)
                self._begun.set_result(conversation)
                await conversation.run()
        except asyncio.CancelledError:
            outcome = "cancelled"
            if not self._begun.done():
                self._fail_begin(Draining("the thinker went away; create a new session"))
            raise
        except Exception as error:
            cause: Any = single_cause(error)
            outcome = getattr(cause, "reason", "INTERNAL")
            if not self._begun.done():
                self._fail_begin(cause)
            if not isinstance(cause, WanStreamerError):
                self._log.error("session failed", exc_info=error)
        finally:
            self._log.info("session closed", outcome=outcome)

    def _fail_begin(self, error: BaseException) -> None:
        self._begun.set_exception(error)
        # Nobody may be waiting for it any more; asyncio would complain.
        self._begun.exception()
