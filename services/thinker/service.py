"""The thinker service: admission, and one stream a session."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration

from services.thinker.config import ThinkerConfig
from services.thinker.conversation import Conversation, Leaving
from services.thinker.live_session import LiveSession
from services.thinker.performer_link import describe_performer, performing
from services.thinker.presence import Presence
from services.thinker.slots import Slots
from wan_streamer.engine.config import EngineConfig, describe, load_model, recorder_of
from wan_streamer.engine.number_type import number_type_of
from wan_streamer.engine.thinker import Thinker
from wan_streamer.engine.warm_up import admitted, thinker_cost_ms
from wan_streamer.errors import CapacityExhausted, Draining, InvalidInput, PeerUnavailable, PlacementLost
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.server import ServiceContext
from wan_streamer.rpc.stream import start_of
from wan_streamer.rpc.tensors import data_type_named, name_of_data_type
from wan_streamer.rpc.worker import EngineWorker
from wan_streamer.v1 import performer_pb2, performer_pb2_grpc, thinker_pb2_grpc
from wan_streamer.v1 import thinker_pb2 as pb

Context = grpc.aio.ServicerContext[Any, Any]


@asynccontextmanager
async def build_thinker(
    config: ThinkerConfig, context: ServiceContext, load: Callable[[EngineConfig], WanStreamer] = load_model
) -> AsyncIterator["ThinkerService"]:
    """Loads the model, warms it up, opens the channel to the performer and yields the service."""
    with EngineWorker() as worker:
        thinker = Thinker(await worker.run(load, config), recorder_of(config))
        unit_cost_ms = await worker.run(thinker_cost_ms, thinker)
        capacity = await worker.run(admitted, config.max_sessions, unit_cost_ms, thinker.reserve)
        context.log.info("model ready", preset=config.preset, unit_cost_ms=round(unit_cost_ms, 1), capacity=capacity)
        async with open_channel(config.performer, config.channel_tls()) as channel:
            stub = performer_pb2_grpc.PerformerServiceStub(channel)
            slots = Slots(capacity, config.reservation_seconds)
            service = ThinkerService(
                describe(config),
                thinker,
                slots,
                stub,
                worker,
                context,
                detached_grace_s=config.detached_grace_s,
                pod_uid=config.pod_uid,
            )
            try:
                yield service
            finally:
                await service.close()


class ThinkerService(thinker_pb2_grpc.ThinkerServiceServicer):
    """Serves a thinker."""

    full_names: Sequence[str] = (pb.DESCRIPTOR.services_by_name["ThinkerService"].full_name,)

    def __init__(
        self,
        description: str,
        thinker: Thinker,
        slots: Slots,
        performer: "performer_pb2_grpc.PerformerServiceAsyncStub",
        worker: EngineWorker,
        context: ServiceContext,
        *,
        detached_grace_s: float,
        pod_uid: str = "",
    ) -> None:
        self._pod_uid = pod_uid
        self._thinker = thinker
        self._model = _model_description(thinker.model.config, description, thinker.model.fingerprint())
        self._number_type = number_type_of(thinker.model.layer_modulation.dtype)
        self._slots = slots
        self._performer = performer
        self._worker = worker
        self._context = context
        self._incarnation = uuid.uuid4().hex
        self._detached_grace_s = detached_grace_s
        self._sessions: dict[str, LiveSession] = {}
        self._is_draining = False
        self._performer_group = ""
        context.metrics.session_capacity.set(slots.capacity)

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the service to a server."""
        thinker_pb2_grpc.add_ThinkerServiceServicer_to_server(self, server)

    async def probe_engine(self) -> None:
        """Returns while the engine makes progress."""
        await self._worker.probe()

    async def probe(self) -> None:
        """Returns while the performer answers."""
        await self._describe_performer()

    async def drain(self, time_left_s: float) -> None:
        """Takes no new session, tells the live ones and waits for them; those that do not end in time are ended."""
        self._is_draining = True
        leaving = Leaving("DRAINING", time.monotonic() + time_left_s)
        for session in self._sessions.values():
            session.leave(leaving)
        try:
            async with asyncio.timeout(time_left_s):
                await self._slots.until_empty()
        except TimeoutError:
            for session in self._sessions.values():
                session.stop(Draining("the thinker went away and the session's state with it; create a new session"))
            await self._slots.until_empty()

    async def close(self) -> None:
        """Ends all sessions without a word."""
        tasks = [session.task for session in self._sessions.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def DescribeThinker(self, request: pb.DescribeThinkerRequest, context: Context) -> pb.DescribeThinkerResponse:
        """What this thinker runs and how full it is; an error while it is of no use, because it or its performer is."""
        self._worker.check()
        group = await self._describe_performer()
        return pb.DescribeThinkerResponse(
            incarnation=self._incarnation,
            model=self._model,
            max_session_count=self._slots.capacity,
            session_count=self._slots.taken_count,
            performer_group=group.group,
            pod_uid=self._pod_uid,
        )

    async def Reserve(self, request: pb.ReserveRequest, context: Context) -> pb.ReserveResponse:
        """Keeps a place for a session, here and (as far as it can tell now) on the performer group."""
        if not request.session_id:
            raise InvalidInput("got an empty session_id, expected the new session's", reason="SESSION_ID")
        if self._is_draining:
            raise Draining("this thinker is going away; try another")
        self._worker.check()
        group = await self._describe_performer()
        if group.is_draining:
            raise Draining(f"performer group {group.group} is going away; try another thinker")
        if group.session_count >= group.max_session_count:
            raise CapacityExhausted(f"all {group.max_session_count} places of {group.group} are taken")
        self._slots.reserve(request.session_id, most=group.max_session_count)
        lifetime = Duration()
        lifetime.FromMilliseconds(int(self._slots.reservation_s * 1000))
        return pb.ReserveResponse(
            incarnation=self._incarnation, performer_group=group.group, epoch=group.epoch, lifetime=lifetime
        )

    # The stubs know only generators; a coroutine that writes to the context can hold a TaskGroup.
    async def Converse(  # type: ignore[override]
        self, requests: AsyncIterator[pb.ConverseRequest], context: Context
    ) -> None:
        """One stream of a session: its first, or one that takes over."""
        start: pb.ConverseStart = await start_of(requests)
        if start.incarnation != self._incarnation:
            raise PlacementLost(
                f"got thinker incarnation {start.incarnation!r}, but this one is {self._incarnation!r}: the thinker "
                "was restarted and the session's state is gone; create a new session",
                reason="INCARNATION",
            )
        session = self._sessions.get(start.session_id) or await self._begin(start)
        if start.epoch != session.epoch:
            raise PlacementLost(_epoch_over(start.epoch, session.epoch), reason="EPOCH")
        await session.converse(start, requests, lambda response: context.write(response))

    async def _begin(self, start: pb.ConverseStart) -> LiveSession:
        """A session that has a reservation.

        Raises:
            PlacementLost: it has none, because it is over (reason EPOCH where its group is gone) or came too late.
            Draining: it came too late for this thinker.
        """
        phase_us = self._slots.take(start.session_id)
        if phase_us is None:
            await self._refuse(start)
        elif self._is_draining:
            self._slots.release(start.session_id)
            raise Draining("this thinker is going away; create a new session")
        self._context.metrics.sessions.set(self._slots.session_count)
        log = self._context.log.bind(session_id=start.session_id)
        session = self._sessions[start.session_id] = LiveSession(self._opened(start), phase_us, start.epoch, log)
        session.task.add_done_callback(lambda _: self._forget(start.session_id))
        return session

    async def _refuse(self, start: pb.ConverseStart) -> NoReturn:
        # Its group may be gone, too; whether it comes back changes nothing for who is not here any more.
        with suppress(PeerUnavailable):
            group = await self._describe_performer()
            if group.epoch != start.epoch:
                raise PlacementLost(_epoch_over(start.epoch, group.epoch), reason="EPOCH")
        raise PlacementLost(
            "this session has no place here (any more): it was over, nobody came back to it in time, or its "
            "reservation expired; create a new session"
        )

    def _forget(self, session_id: str) -> None:
        del self._sessions[session_id]
        self._slots.release(session_id)
        self._context.metrics.sessions.set(self._slots.session_count)

    @asynccontextmanager
    async def _opened(self, start: pb.ConverseStart) -> AsyncIterator[Conversation]:
        """A session's engine state and its stream to the performer."""
        session = await self._worker.run(self._thinker.open)
        try:
            async with performing(self._performer, self._perform_start(start)) as link:
                yield Conversation(
                    self._thinker,
                    session,
                    self._worker,
                    link,
                    self._context.recorder,
                    self._performer_group,
                    Presence(self._detached_grace_s),
                )
        finally:
            await self._worker.run(self._thinker.close, session)

    def _perform_start(self, start: pb.ConverseStart) -> performer_pb2.PerformStart:
        return performer_pb2.PerformStart(
            session_id=start.session_id,
            generation=start.generation,
            epoch=start.epoch,
            seed=start.seed,
            model_fingerprint=self._model.fingerprint,
            traceparent=start.traceparent,
            keys_values_data_type=data_type_named(self._number_type),
        )

    async def _describe_performer(self) -> performer_pb2.DescribePerformerResponse:
        group = await describe_performer(self._performer)
        theirs = name_of_data_type(group.keys_values_data_type)
        if theirs != self._number_type:
            raise PeerUnavailable(
                f"the performer takes keys and values in {theirs}, this thinker has {self._number_type}; start both "
                "with the same --dtype",
                reason="NUMBER_TYPE",
            )
        if group.model_fingerprint != self._model.fingerprint:
            raise PeerUnavailable(
                "the performer runs another model; start thinker and performer with the same preset and weights",
                reason="MODEL_MISMATCH",
            )
        self._performer_group = group.group
        return group


def _epoch_over(named: int, current: int) -> str:
    return (
        f"got epoch {named} of the performer group, but this one is {current}: the group was lost and the session's "
        "state with it; create a new session"
    )


def _model_description(config: ModelConfig, description: str, fingerprint: str) -> pb.ModelDescription:
    return pb.ModelDescription(
        preset=config.name,
        text=description,
        fingerprint=fingerprint,
        user_audio_sample_rate_hz=config.user_audio.sample_rate_hz,
        user_video_width=config.user_video.width,
        user_video_height=config.user_video.height,
        agent_audio_sample_rate_hz=config.agent_audio.sample_rate_hz,
        agent_video_width=config.agent_video.width,
        agent_video_height=config.agent_video.height,
    )
