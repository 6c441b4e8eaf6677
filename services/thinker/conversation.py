"""One conversation on the thinker: the schedule of the engine, with the performer at the other end of a stream.

Two loops run side by side. `_listen` takes user units and sends slices; `_speak` takes latents, answers at once and
commits them off the response path, or after what waits for the commit. `_listen` hears a unit when it is there, and
then waits for exactly what the mask says (`Thinker.may_think`), so the loops overlap as far as the model's `lag`
allows, and the result does not depend on which of them is faster.

Whether a gateway's stream is there makes no difference to them: what was taken is answered, and the answer is kept.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch

from services.thinker.kept_units import KeptUnits
from services.thinker.performer_link import PerformerLink
from services.thinker.presence import Presence
from wan_streamer.engine.exchange import AgentOutput, Latents, UserInput
from wan_streamer.engine.number_type import media_dtype, to_array
from wan_streamer.engine.thinker import Thinker, ThinkerSession
from wan_streamer.errors import PeerUnavailable, Superseded, WanStreamerError
from wan_streamer.model.layout import Kind
from wan_streamer.rpc.notifier import Notifier
from wan_streamer.rpc.status import single_cause
from wan_streamer.rpc.stream import check_header
from wan_streamer.rpc.tensors import BFLOAT16, from_proto, to_proto
from wan_streamer.rpc.worker import EngineWorker
from wan_streamer.telemetry.flight import Flight, FlightRecorder
from wan_streamer.v1 import performer_pb2, thinker_pb2, unit_pb2

# Units that may wait for the engine. More stay with the gateway, which drops the oldest and says so.
MAX_WAITING_UNITS = 3


@dataclass(frozen=True)
class Arrived:
    """A user unit, the start of the stream that it came by, and when it became available."""

    start: thinker_pb2.ConverseStart
    unit: unit_pb2.UserUnit
    at_ns: int


@dataclass
class Pending:
    """A unit whose latents have not come back."""

    flight: Flight
    arrived_ns: int
    sent_ns: int


@dataclass(frozen=True)
class Leaving:
    """Why and when what holds the session's state goes away."""

    reason: str
    at_monotonic_s: float


class Conversation:
    """Runs one session from its first unit to its last.

    Attributes:
        changed: notified of whatever a stream waits for.
        next_unit_index: the first unit that may be taken.
        is_over: nothing more will be answered; with `error` when that is why.
    """

    def __init__(
        self,
        thinker: Thinker,
        session: ThinkerSession,
        worker: EngineWorker,
        link: PerformerLink,
        recorder: FlightRecorder,
        performer_group: str,
        presence: Presence,
    ) -> None:
        self._thinker = thinker
        self._session = session
        self._worker = worker
        self._link = link
        self._recorder = recorder
        self._performer_group = performer_group
        self._waiting: deque[Arrived] = deque()
        self._pending: dict[int, Pending] = {}
        self._committed = asyncio.Event()
        # Unless a unit that was heard waits for its turn.
        self._has_sent = asyncio.Event()
        self._has_sent.set()
        self._is_finished = False
        self._stopped: asyncio.Future[WanStreamerError] = asyncio.get_running_loop().create_future()
        self.presence = presence
        self.kept = KeptUnits()
        self.changed = Notifier()
        self.next_unit_index = 0
        self.leaving: Leaving | None = None
        self.is_over = False
        self.error: WanStreamerError | None = None

    async def run(self) -> None:
        """Returns when the session was finished and its last unit answered.

        Raises:
            ExceptionGroup: with what ended it otherwise.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                beside = [
                    tasks.create_task(self.presence.until_given_up()),
                    tasks.create_task(self._until_stopped()),
                ]
                await self._speak()
                for task in beside:
                    task.cancel()
        except ExceptionGroup as group:
            cause = single_cause(group)
            self.error = (
                cause if isinstance(cause, WanStreamerError) else WanStreamerError("internal error; see its log")
            )
            raise
        finally:
            self.is_over = True
            self.changed.notify()
            for pending in self._pending.values():
                pending.flight.end("SKIPPED")

    async def take(self, start: thinker_pb2.ConverseStart, unit: unit_pb2.UserUnit) -> None:
        """A unit of the stream that `start` began; waits while too many wait for the engine.

        Raises:
            Superseded: a newer stream has the session; the unit was not taken.
        """
        arrived = Arrived(start, unit, time.time_ns())
        await self.changed.until(lambda: len(self._waiting) < MAX_WAITING_UNITS or self._is_replaced(start))
        if self._is_replaced(start):
            raise Superseded("a newer attach of this session took over")
        self._waiting.append(arrived)
        self.next_unit_index = max(self.next_unit_index, unit.header.unit_index + 1)
        self.changed.notify()

    def finish(self) -> None:
        """No more units will be taken; the session ends when those that were are answered."""
        self._is_finished = True
        self.changed.notify()

    def stop(self, error: WanStreamerError) -> None:
        """Ends the session with an error."""
        if not self._stopped.done():
            self._stopped.set_result(error)

    def leave(self, leaving: Leaving) -> None:
        """What holds the session's state will go away; its stream is told."""
        self.leaving = leaving
        self.changed.notify()

    def _is_replaced(self, start: thinker_pb2.ConverseStart) -> bool:
        return start.generation != self.presence.generation

    async def _until_stopped(self) -> None:
        raise await self._stopped

    async def _next(self) -> Arrived | None:
        await self.changed.until(lambda: bool(self._waiting) or self._is_finished)
        if not self._waiting:
            return None
        arrived = self._waiting.popleft()
        self.changed.notify()
        return arrived

    async def _listen(self) -> None:
        while (arrived := await self._next()) is not None:
            await self._answer(arrived)
        await self._link.end()

    async def _answer(self, arrived: Arrived) -> None:
        header = arrived.unit.header
        check_header("unit", header, arrived.start)
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

        def hear() -> None:
            flight.add_stage("queue", arrived.at_ns, time.time_ns())
            self._thinker.hear(self._session, user, flight.stage)

        def think() -> tuple[np.ndarray, int]:
            kv_slice = self._thinker.think(self._session, flight.stage)
            # Waits for the GPU: here, not in the event loop.
            return to_array(kv_slice.keys_values), kv_slice.text_token_count

        def hear_and_think() -> tuple[np.ndarray, int]:
            hear()
            return think()

        try:
            if self._thinker.may_think(self._session):
                thought = await self._worker.run(hear_and_think)
            else:
                await self._worker.run(hear)
                self._has_sent.clear()
                with flight.stage("turn"):
                    await self._until_turn()
                thought = await self._worker.run(think)
            await self._send(header, arrived.at_ns, flight, *thought)
            self._has_sent.set()
        except BaseException:
            # Also when cancelled: before its slice was sent nobody else knows of the unit.
            flight.end("SKIPPED")
            raise

    async def _until_turn(self) -> None:
        while not self._thinker.may_think(self._session):
            self._committed.clear()
            await self._committed.wait()

    async def _send(
        self, header: unit_pb2.UnitHeader, arrived_ns: int, flight: Flight, keys_values: np.ndarray, token_count: int
    ) -> None:
        with flight.stage("slice"):
            message = performer_pb2.KvSlice(
                header=_with_traceparent(header, flight.traceparent),
                keys_values=to_proto(keys_values, dtype=BFLOAT16 if keys_values.dtype == np.uint16 else None),
                text_token_count=token_count,
            )
            self._pending[header.unit_index] = Pending(flight, arrived_ns, time.time_ns())
            # Over already? `_speak` reads why.
            await self._link.write(performer_pb2.PerformRequest(slice=message))

    async def _speak(self) -> None:
        while (response := await self._link.read()) is not None:
            if response.WhichOneof("message") == "go_away":
                left_s = response.go_away.time_left.ToMilliseconds() / 1e3
                self.leave(Leaving(response.go_away.reason, time.monotonic() + left_s))
                continue
            message = response.latents
            pending = self._pending.pop(message.header.unit_index, None)
            if pending is None:
                raise PeerUnavailable(f"the performer answered unit {message.header.unit_index}, which was not asked")
            pending.flight.add_stage("latents", pending.sent_ns, time.time_ns())
            try:
                latents = self._latents_of(message)
                if self._waiting and not self._has_sent.is_set():
                    # Two units late, whatever comes first now: those behind it gain what decoding takes.
                    await self._commit(latents, pending.flight)
                    await self._has_sent.wait()
                    await self._give(latents, pending, message.header)
                else:
                    await self._give(latents, pending, message.header)
                    await self._commit(latents, pending.flight)
            finally:
                # Also when the session ends during the commit: the unit was answered.
                pending.flight.end()
        if self._pending:
            raise PeerUnavailable(f"the performer ended the stream before the latents of {sorted(self._pending)}")

    async def _give(self, latents: Latents, pending: Pending, header: unit_pb2.UnitHeader) -> None:
        def decode() -> AgentOutput:
            with pending.flight.stage("decode"):
                return self._thinker.decode(self._session, latents)

        output = await self._worker.run(decode)
        media = thinker_pb2.AgentUnitMedia(
            header=header,
            outcome=unit_pb2.UNIT_OUTCOME_ON_TIME,
            audio=to_proto(output.audio),
            video=to_proto(output.video),
            text=output.text,
            model_latency_us=(time.time_ns() - pending.arrived_ns) // 1000,
        )
        self.kept.add(media)
        self.changed.notify()

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
        device, dtype = self._thinker.model.layer_modulation.device, media_dtype(self._thinker.model)
        audio, video = (
            torch.tensor(from_proto(getattr(message, name), name=f"{name} latents", dtype="float32", shape=shape))
            for name, shape in shapes.items()
        )
        return Latents(
            unit_index=message.header.unit_index, audio=audio.to(device, dtype), video=video.to(device, dtype)
        )


def _with_traceparent(header: unit_pb2.UnitHeader, traceparent: str) -> unit_pb2.UnitHeader:
    changed = unit_pb2.UnitHeader()
    changed.CopyFrom(header)
    changed.traceparent = traceparent
    return changed
