"""The thinker's half of a session: units out, answers in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from structlog.typing import FilteringBoundLogger

from services.gateway.ledger import LedgerUnit, UnitLedger
from services.gateway.thinker_link import ConverseStream
from wan_streamer.errors import InvalidInput, PeerUnavailable
from wan_streamer.media.jpeg import encode_jpeg
from wan_streamer.media.provenance import GENERATED_PICTURE
from wan_streamer.rpc.tensors import from_proto
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit
from wan_streamer.v1 import session_pb2, thinker_pb2, unit_pb2

_FAILED: Final = (unit_pb2.UNIT_OUTCOME_SKIPPED, unit_pb2.UNIT_OUTCOME_UNSPECIFIED)


class Exchange:
    """Sends the ledger's units to the thinker and puts its answers, encoded, into the ledger; two tasks."""

    def __init__(
        self,
        *,
        stream: ConverseStream,
        ledger: UnitLedger,
        model: thinker_pb2.ModelDescription,
        jpeg_quality: int,
        log: FilteringBoundLogger,
        pass_on: Callable[[session_pb2.GoAway], Awaitable[None]],
    ) -> None:
        """`pass_on` tells the client what the thinker says of its own end."""
        self._stream = stream
        self._ledger = ledger
        self._model = model
        self._jpeg_quality = jpeg_quality
        self._log = log
        self._pass_on = pass_on
        self._is_ended = False
        self._loop = asyncio.get_running_loop()
        self.last_answer_loop_s = self._loop.time()

    async def send(self) -> None:
        """Sends units as the thinker may have them, until no more will be cut."""
        ledger = self._ledger
        while not self._is_ended:
            await ledger.changed.until(lambda: ledger.is_sent or ledger.next_to_send() is not None)
            unit = ledger.next_to_send()
            if unit is None:
                return
            await self._send_unit(unit)

    async def end(self) -> None:
        """The session is over: the thinker frees everything. Else it keeps it, for a client that comes back."""
        if not self._is_ended:
            self._is_ended = True
            await self._stream.write(thinker_pb2.ConverseRequest(end=thinker_pb2.ConverseEnd()))
            await self._stream.end()

    async def receive(self) -> None:
        """Takes answers until the thinker ends the stream. What it leaves unanswered is skipped as ENGINE_FAULT.

        Raises:
            WanStreamerError: the thinker's own error, unchanged.
        """
        while (response := await self._stream.read()) is not None:
            self.last_answer_loop_s = self._loop.time()
            kind = response.WhichOneof("message")
            if kind == "unit":
                await self._take_answer(response.unit)
            elif kind == "go_away":
                await self._pass_on(response.go_away)
        if not self._is_ended:
            raise PeerUnavailable("the thinker ended the session; create a new session", reason="THINKER_LEFT")
        self._ledger.give_up_sent()

    async def _send_unit(self, unit: LedgerUnit) -> None:
        assert unit.user_unit is not None
        request = thinker_pb2.ConverseRequest(unit=unit.user_unit)
        self._ledger.mark_sent(unit, self._loop.time())
        # When the stream is over, `receive` learns why.
        await self._stream.write(request)
        unit.flight.add_stage("forward", unit.cut_unix_ns, time.time_ns())

    async def _take_answer(self, media: thinker_pb2.AgentUnitMedia) -> None:
        unit = self._ledger.sent(media.header.unit_index)
        if unit is None or media.header.generation != unit.header.generation:
            # Its row is already decided (for example a gap that the thinker skips too).
            self._log.debug("answer without a unit", unit_index=media.header.unit_index)
            return
        if media.outcome in _FAILED:
            self._ledger.skip(unit, media.skip_reason or unit_pb2.SKIP_REASON_ENGINE_FAULT)
            return
        # Of a unit that another attachment cut only the thinker knows these.
        unit.header.capture_time_unix_us = media.header.capture_time_unix_us
        unit.header.deadline_unix_us = media.header.deadline_unix_us
        try:
            answer = await asyncio.to_thread(self._encode, unit, media)
        except InvalidInput as error:
            self._log.error("thinker sent a bad unit", unit_index=media.header.unit_index, error=str(error))
            self._ledger.skip(unit, unit_pb2.SKIP_REASON_ENGINE_FAULT)
            return
        self._ledger.resolve(unit, answer)

    def _encode(self, unit: LedgerUnit, media: thinker_pb2.AgentUnitMedia) -> unit_pb2.AgentUnit:
        with unit.flight.stage("encode"):
            model = self._model
            audio = from_proto(
                media.audio,
                name="agent audio",
                dtype=np.int16,
                shape=(samples_per_unit(model.agent_audio_sample_rate_hz),),
            )
            frames: NDArray[np.uint8] = from_proto(
                media.video,
                name="agent video",
                dtype=np.uint8,
                shape=(FRAMES_PER_UNIT, model.agent_video_height, model.agent_video_width, 3),
            )
            return unit_pb2.AgentUnit(
                audio_pcm_s16le=audio.tobytes(),
                video_jpeg=[encode_jpeg(frame, self._jpeg_quality, xmp=GENERATED_PICTURE) for frame in frames],
                text=media.text,
                model_latency_us=media.model_latency_us,
            )
