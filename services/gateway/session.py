"""One attachment of a client to a session: the tasks that move its units, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Final

from google.protobuf import duration_pb2
from structlog.typing import FilteringBoundLogger

from services.gateway.attachment import Attachment
from services.gateway.clock import unix_us
from services.gateway.config import GatewayConfig
from services.gateway.emission import Emitter
from services.gateway.exchange import Exchange
from services.gateway.intake import Intake
from services.gateway.ledger import State, UnitLedger
from services.gateway.outbox import Outbox
from services.gateway.resumption import Resumption
from services.gateway.service_levels import ServiceLevels
from services.gateway.thinker_link import Started
from services.gateway.unit_maker import UnitMaker
from services.gateway.watchdog import watch
from wan_streamer.errors import Draining, InvalidInput, Superseded
from wan_streamer.media.cutter import UnitCutter
from wan_streamer.media.formats import UnitFormat
from wan_streamer.unit import unit_start_us
from wan_streamer.v1 import session_pb2, thinker_pb2

# How long the end of a session waits for thinker and performer, which commit the last unit.
FREE_LIMIT_S: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class SessionPlace:
    """The thinker's side of an attached session, and where it is taken up."""

    started: Started
    model: thinker_pb2.ModelDescription
    resumption: Resumption


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
            first_unit_index=place.resumption.first_unit_index,
        )
        self._add_owed(place.resumption, make_unit)
        cutter.begin_at(place.resumption.next_unit_index)
        self._intake = Intake(
            cutter=cutter,
            ledger=self._ledger,
            make_unit=make_unit,
            jitter_allowance_s=config.jitter_allowance_ms / 1e3,
            levels=levels,
            is_resumed=place.started.is_resumed,
        )
        self._exchange = Exchange(
            stream=place.started.stream,
            ledger=self._ledger,
            model=place.model,
            jpeg_quality=config.jpeg_quality,
            log=log,
            pass_on=lambda go_away: outbox.send(session_pb2.ConnectResponse(go_away=go_away)),
        )
        self._emitter = Emitter(ledger=self._ledger, outbox=outbox, levels=levels)
        self._replaced = replaced
        self._draining: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._is_cut_short = asyncio.Event()
        # A key that only this process has lets no other gateway read the session's token.
        self._is_resumable = config.token_key_file is not None

    async def run(self, requests: AsyncIterator[session_pb2.ConnectRequest]) -> None:
        """Moves units until all are emitted; an error of any task ends all of them.

        Raises:
            ExceptionGroup: with the WanStreamerError that ended the session.
        """
        async with asyncio.TaskGroup() as tasks:
            self._receiving = tasks.create_task(self._receive(), name="receive")
            ends = [
                tasks.create_task(self._emitter.run(), name="emit"),
                tasks.create_task(self._intake.has_left.wait(), name="leave"),
            ]
            beside = [
                tasks.create_task(self._unless_invalid(self._intake.read(requests)), name="read"),
                tasks.create_task(self._unless_invalid(self._intake.cut()), name="cut"),
                tasks.create_task(self._exchange.send(), name="send"),
                tasks.create_task(self._watch(), name="watch"),
                tasks.create_task(self._leave_when_replaced(), name="replaced"),
                tasks.create_task(self._tell_when_draining(), name="draining"),
                tasks.create_task(self._leave_when_cut_short(), name="cut short"),
            ]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await self._free()
            for task in (*ends, *beside, self._receiving):
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
        """No time is left: the stream ends, and the session with it unless it can go on at another gateway."""
        if self._is_resumable:
            self._is_cut_short.set()
        else:
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

    async def _receive(self) -> None:
        try:
            await self._exchange.receive()
        except Superseded:
            # By an attach at another gateway.
            await self._say_replaced()
            raise

    async def _unless_invalid(self, work: Coroutine[None, None, None]) -> None:
        """What a client sent wrong ends its session for good: its place is not kept."""
        try:
            await work
        except InvalidInput:
            await self._free()
            raise

    async def _free(self) -> None:
        """Thinker and performer free the session's places before the client hears that it is over, so that who comes
        next finds them free.
        """
        await self._exchange.end()
        await asyncio.wait((self._receiving,), timeout=FREE_LIMIT_S)

    async def _leave_when_replaced(self) -> None:
        await self._replaced.wait()
        await self._say_replaced()
        raise Superseded("a newer attach of this session took over; close this stream")

    async def _say_replaced(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._say_go_away(reason="REPLACED", time_left_s=0, resumable=False)
        except TimeoutError:
            pass  # a client that does not read learns it from the status

    async def _tell_when_draining(self) -> None:
        await self._say_go_away(reason="DRAINING", time_left_s=await self._draining, resumable=self._is_resumable)

    async def _leave_when_cut_short(self) -> None:
        await self._is_cut_short.wait()
        raise Draining("this gateway goes away; attach again, another one will answer")

    def _add_owed(self, resumption: Resumption, make_unit: UnitMaker) -> None:
        """The thinker has taken these and answers them (again); when they were captured it says then."""
        now_unix_us = unix_us()
        for unit_index in range(resumption.first_unit_index, resumption.next_unit_index):
            capture_start_unix_us = now_unix_us - unit_start_us(resumption.next_unit_index - unit_index)
            self._ledger.add_detached(make_unit.detached(unit_index, capture_start_unix_us, State.SENT))

    async def _say_go_away(self, *, reason: str, time_left_s: float, resumable: bool) -> None:
        time_left = duration_pb2.Duration()
        time_left.FromMilliseconds(round(time_left_s * 1e3))
        go_away = session_pb2.GoAway(time_left=time_left, reason=reason, resumable=resumable)
        await self._outbox.send(session_pb2.ConnectResponse(go_away=go_away))
