"""One conversation on the thinker: the schedule of the engine, with the performer at the other end of a stream.

Two loops run side by side. `_think` takes user units and sends slices; `_speak` takes latents, answers at once and
commits them off the response path. `_think` waits for exactly what the mask says (`Thinker.may_think`), so the loops
overlap as far as the model's `lag` allows, and the result does not depend on which of them is faster.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import torch

from services.thinker.performer_link import PerformerLink
from wan_streamer.engine.exchange import AgentOutput, Latents, UserInput
from wan_streamer.engine.thinker import Thinker, ThinkerSession
from wan_streamer.errors import InvalidInput, PeerUnavailable
from wan_streamer.model.layout import Kind
from wan_streamer.rpc.stream import check_header
from wan_streamer.rpc.tensors import from_proto, to_proto
from wan_streamer.rpc.worker import EngineWorker
from wan_streamer.telemetry.flight import Flight, FlightRecorder
from wan_streamer.v1 import performer_pb2, thinker_pb2, unit_pb2

# Units that may wait for the engine. More stay with the gateway, which drops the oldest and says so.
MAX_WAITING_UNITS = 3


@dataclass(frozen=True)
class Arrived:
    """A user unit and when it became available."""

    unit: unit_pb2.UserUnit
    at_ns: int


@dataclass
class Pending:
    """A unit whose latents have not come back."""

    flight: Flight
    arrived_ns: int
    sent_ns: int


class Conversation:
    """Runs one session from its first unit to its last."""

    def __init__(
        self,
        start: thinker_pb2.ConverseStart,
        thinker: Thinker,
        session: ThinkerSession,
        worker: EngineWorker,
        link: PerformerLink,
        recorder: FlightRecorder,
        performer_group: str,
    ) -> None:
        self._start = start
        self._thinker = thinker
        self._session = session
        self._worker = worker
        self._link = link
        self._recorder = recorder
        self._performer_group = performer_group
        self._waiting: asyncio.Queue[Arrived | None] = asyncio.Queue(MAX_WAITING_UNITS)
        self._pending: dict[int, Pending] = {}
        self._committed = asyncio.Event()

    async def run(
        self,
        requests: AsyncIterator[thinker_pb2.ConverseRequest],
        emit: Callable[[thinker_pb2.AgentUnitMedia], Awaitable[None]],
    ) -> None:
        """Returns when the user's side has ended and the last unit was emitted; raises what ended it otherwise."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(requests))
                group.create_task(self._think())
                group.create_task(self._speak(emit))
        finally:
            for pending in self._pending.values():
                pending.flight.end("SKIPPED")

    async def _listen(self, requests: AsyncIterator[thinker_pb2.ConverseRequest]) -> None:
        async for request in requests:
            if request.WhichOneof("message") != "unit":
                raise InvalidInput("got a second start, expected units after the first message", reason="MESSAGE")
            await self._waiting.put(Arrived(request.unit, time.time_ns()))
        await self._waiting.put(None)

    async def _think(self) -> None:
        while (arrived := await self._waiting.get()) is not None:
            while not self._thinker.may_think(self._session):
                self._committed.clear()
                await self._committed.wait()
            await self._think_unit(arrived)
        await self._link.end()

    async def _think_unit(self, arrived: Arrived) -> None:
        header = arrived.unit.header
        check_header("unit", header, self._start)
        user = self._user_input(arrived.unit)
        flight = self._recorder.begin(
            header.session_id,
            header.unit_index,
            header.traceparent,
            generation=header.generation,
            epoch=header.epoch,
            start_unix_ns=arrived.at_ns,
        )
        flight.attributes["performer_group"] = self._performer_group

        def think() -> tuple[torch.Tensor, int]:
            flight.add_stage("queue", arrived.at_ns, time.time_ns())
            kv_slice = self._thinker.think(self._session, user, flight.stage)
            return kv_slice.keys_values, kv_slice.text_token_count

        keys_values, text_token_count = await self._worker.run(think)
        with flight.stage("slice"):
            message = performer_pb2.KvSlice(
                header=_with_traceparent(header, flight.traceparent),
                keys_values=to_proto(keys_values.float().cpu().numpy()),
                text_token_count=text_token_count,
            )
            self._pending[header.unit_index] = Pending(flight, arrived.at_ns, time.time_ns())
            # Over already? `_speak` reads why.
            await self._link.write(performer_pb2.PerformRequest(slice=message))

    async def _speak(self, emit: Callable[[thinker_pb2.AgentUnitMedia], Awaitable[None]]) -> None:
        while (response := await self._link.read()) is not None:
            message = response.latents
            pending = self._pending.pop(message.header.unit_index, None)
            if pending is None:
                raise PeerUnavailable(f"the performer answered unit {message.header.unit_index}, which was not asked")
            pending.flight.add_stage("latents", pending.sent_ns, time.time_ns())
            try:
                latents = self._latents_of(message)
                await emit(await self._decode(latents, pending, message.header))
                await self._commit(latents, pending.flight)
            finally:
                # Also when the gateway leaves during the commit of the last unit: that unit was answered.
                pending.flight.end()
        if self._pending:
            raise PeerUnavailable(f"the performer ended the stream before the latents of {sorted(self._pending)}")

    async def _decode(
        self, latents: Latents, pending: Pending, header: unit_pb2.UnitHeader
    ) -> thinker_pb2.AgentUnitMedia:
        def decode() -> AgentOutput:
            with pending.flight.stage("decode"):
                return self._thinker.decode(self._session, latents)

        output = await self._worker.run(decode)
        return thinker_pb2.AgentUnitMedia(
            header=header,
            outcome=unit_pb2.UNIT_OUTCOME_ON_TIME,
            audio=to_proto(output.audio),
            video=to_proto(output.video),
            text=output.text,
            model_latency_us=(time.time_ns() - pending.arrived_ns) // 1000,
        )

    async def _commit(self, latents: Latents, flight: Flight) -> None:
        def commit() -> None:
            with flight.stage("commit"):
                self._thinker.commit(self._session, latents)

        await self._worker.run(commit)
        self._committed.set()

    def _user_input(self, unit: unit_pb2.UserUnit) -> UserInput:
        user = UserInput(
            unit_index=unit.header.unit_index,
            audio=from_proto(unit.audio, name="audio", dtype="float32", shape=(None,)),
            video=from_proto(unit.video, name="video", dtype="uint8", shape=(None,) * 4),
        )
        self._thinker.check(self._session, user)
        return user

    def _latents_of(self, message: performer_pb2.Latents) -> Latents:
        counts, config = self._thinker.model.layout.counts, self._thinker.model.config
        shapes = {
            "audio": (counts[Kind.AGENT_AUDIO], config.agent_audio.latent_channels),
            "video": (counts[Kind.AGENT_VIDEO], config.agent_video.latent_channels),
        }
        like = self._thinker.model.layer_modulation
        audio, video = (
            torch.tensor(from_proto(getattr(message, name), name=f"{name} latents", dtype="float32", shape=shape))
            for name, shape in shapes.items()
        )
        return Latents(unit_index=message.header.unit_index, audio=audio.to(like), video=video.to(like))


def _with_traceparent(header: unit_pb2.UnitHeader, traceparent: str) -> unit_pb2.UnitHeader:
    changed = unit_pb2.UnitHeader()
    changed.CopyFrom(header)
    changed.traceparent = traceparent
    return changed
