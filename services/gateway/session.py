"""One attachment of a client to a session: the tasks that move its units, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from google.protobuf import duration_pb2
from structlog.typing import FilteringBoundLogger

from services.gateway.attachment import Attachment
from services.gateway.config import GatewayConfig
from services.gateway.emission import Emitter
from services.gateway.exchange import Exchange
from services.gateway.intake import Intake
from services.gateway.ledger import UnitLedger
from services.gateway.outbox import Outbox
from services.gateway.service_levels import ServiceLevels
from services.gateway.thinker_link import ConverseStream
from services.gateway.unit_maker import UnitMaker
from services.gateway.watchdog import watch
from wan_streamer.errors import Superseded
from wan_streamer.media.cutter import UnitCutter
from wan_streamer.media.formats import UnitFormat
from wan_streamer.v1 import session_pb2, thinker_pb2

# How long the end of a session waits for thinker and performer, which commit the last unit.
FREE_LIMIT_S: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class SessionPlace:
    """The thinker's side of an attached session."""

    stream: ConverseStream
    model: thinker_pb2.ModelDescription


def make_cutter(attachment: Attachment, model: thinker_pb2.ModelDescription) -> UnitCutter:
    """What cuts the client's media for the model. An odd sample rate may cost it 50 ms: run it in a thread."""
    target = UnitFormat(
        audio_sample_rate_hz=model.user_audio_sample_rate_hz,
        video_width=model.user_video_width,
        video_height=model.user_video_height,
    )
    return UnitCutter(attachment.audio, attachment.video, target)


class Session:
    """One attached client. `run` lives as long as the stream; the other methods steer it from outside."""

    def __init__(
        self,
        *,
        attachment: Attachment,
        config: GatewayConfig,
        place: SessionPlace,
        cutter: UnitCutter,
        make_unit: UnitMaker,
        levels: ServiceLevels,
        outbox: Outbox,
        replaced: asyncio.Event,
        log: FilteringBoundLogger,
    ) -> None:
        """`replaced` is set when a newer attach takes over."""
        self._config = config
        self._outbox = outbox
        self._ledger = UnitLedger(
            is_live=attachment.is_live,
            credit_units=attachment.credit_units,
        )
        self._intake = Intake(
            cutter=cutter,
            ledger=self._ledger,
            make_unit=make_unit,
            jitter_allowance_s=config.jitter_allowance_ms / 1e3,
            levels=levels,
        )
        self._exchange = Exchange(
            stream=place.stream, ledger=self._ledger, model=place.model, jpeg_quality=config.jpeg_quality, log=log
        )
        self._emitter = Emitter(ledger=self._ledger, outbox=outbox, levels=levels)
        self._replaced = replaced
        self._draining: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def run(self, requests: AsyncIterator[session_pb2.ConnectRequest]) -> None:
        """Moves units until all are emitted; an error of any task ends all of them.

        Raises:
            ExceptionGroup: with the WanStreamerError that ended the session.
        """
        async with asyncio.TaskGroup() as tasks:
            receiving = tasks.create_task(self._exchange.receive(), name="receive")
            beside = [
                receiving,
                tasks.create_task(self._intake.read(requests), name="read"),
                tasks.create_task(self._intake.cut(), name="cut"),
                tasks.create_task(self._exchange.send(), name="send"),
                tasks.create_task(self._watch(), name="watch"),
                tasks.create_task(self._leave_when_replaced(), name="replaced"),
                tasks.create_task(self._tell_when_draining(), name="draining"),
            ]
            await self._emitter.run()
            # Thinker and performer free the session's places before the client hears that it is over, so that who
            # comes next finds them free.
            await asyncio.wait((receiving,), timeout=FREE_LIMIT_S)
            for task in beside:
                task.cancel()

    @property
    def emitted_unit_count(self) -> int:
        """Units emitted so far, of any outcome."""
        return self._emitter.emitted_unit_count

    def drain(self, time_left_s: float) -> None:
        """The gateway goes away: the client is told and may finish in the time that is left."""
        if not self._draining.done():
            self._draining.set_result(time_left_s)

    def cut_short(self) -> None:
        """No time is left: the units on their way are skipped and the stream ends with OK."""
        self._ledger.cut_short()

    def close(self) -> None:
        """Ends the traces of what the client did not get."""
        self._emitter.abandon()

    async def _watch(self) -> None:
        await watch(
            intake=self._intake,
            ledger=self._ledger,
            exchange=self._exchange,
            outbox=self._outbox,
            idle_s=self._config.idle_seconds,
            thinker_s=self._config.thinker_seconds,
        )

    async def _leave_when_replaced(self) -> None:
        await self._replaced.wait()
        try:
            async with asyncio.timeout(1.0):
                await self._say_go_away(reason="REPLACED", time_left_s=0)
        except TimeoutError:
            pass  # a client that does not read learns it from the status
        raise Superseded("a newer attach of this session took over; close this stream")

    async def _tell_when_draining(self) -> None:
        await self._say_go_away(reason="DRAINING", time_left_s=await self._draining)

    async def _say_go_away(self, *, reason: str, time_left_s: float) -> None:
        # In this version no state outlives a stream, so nothing is resumable.
        time_left = duration_pb2.Duration()
        time_left.FromMilliseconds(round(time_left_s * 1e3))
        go_away = session_pb2.GoAway(time_left=time_left, reason=reason, resumable=False)
        await self._outbox.send(session_pb2.ConnectResponse(go_away=go_away))
