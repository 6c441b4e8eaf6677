"""The performer service: one stream a session, slices in, latents out."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import structlog
import torch

from services.performer.config import PerformerConfig
from wan_streamer.engine.config import EngineConfig, load_model, session_capacity
from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.engine.performer import Performer, PerformerSession
from wan_streamer.engine.warm_up import performer_cost_ms
from wan_streamer.errors import CapacityExhausted, Draining, InvalidInput, PlacementLost
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.rpc.server import ServiceContext
from wan_streamer.rpc.stream import check_header, start_of
from wan_streamer.rpc.tensors import from_proto, to_proto
from wan_streamer.rpc.worker import EngineWorker
from wan_streamer.v1 import performer_pb2 as pb
from wan_streamer.v1 import performer_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


@asynccontextmanager
async def build_performer(
    config: PerformerConfig, context: ServiceContext, load: Callable[[EngineConfig], WanStreamer] = load_model
) -> AsyncIterator["PerformerService"]:
    """Loads the model, warms it up and yields the service."""
    with EngineWorker() as worker:
        performer = Performer(await worker.run(load, config))
        unit_cost_ms = await worker.run(performer_cost_ms, performer)
        capacity = config.max_sessions or session_capacity(unit_cost_ms)
        context.log.info("model ready", preset=config.preset, unit_cost_ms=round(unit_cost_ms, 1), capacity=capacity)
        yield PerformerService(config.group, performer, capacity, worker, context)


class PerformerService(performer_pb2_grpc.PerformerServiceServicer):
    """Serves a performer; the group's epoch is the time of its start, so a later incarnation has a higher one."""

    full_names: Sequence[str] = (pb.DESCRIPTOR.services_by_name["PerformerService"].full_name,)

    def __init__(
        self, group: str, performer: Performer, capacity: int, worker: EngineWorker, context: ServiceContext
    ) -> None:
        self._group = group
        self._performer = performer
        self._fingerprint = performer.model.fingerprint()
        self._epoch = time.time_ns() // 1000
        self._capacity = capacity
        self._worker = worker
        self._context = context
        self._session_count = 0
        self._is_draining = False
        context.metrics.session_capacity.set(capacity)

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the service to a server."""
        performer_pb2_grpc.add_PerformerServiceServicer_to_server(self, server)

    async def probe_engine(self) -> None:
        """Returns while the engine makes progress."""
        await self._worker.probe()

    async def probe(self) -> None:
        """It needs nobody else."""

    async def drain(self, time_left_s: float) -> None:
        """Takes no new sessions; the thinker, which owns their streams, ends the live ones."""
        self._is_draining = True

    async def DescribePerformer(
        self, request: pb.DescribePerformerRequest, context: Context
    ) -> pb.DescribePerformerResponse:
        """What this group runs and how full it is."""
        return pb.DescribePerformerResponse(
            group=self._group,
            epoch=self._epoch,
            rank_count=1,
            model_fingerprint=self._fingerprint,
            max_session_count=self._capacity,
            session_count=self._session_count,
        )

    # The stubs know only generators; a coroutine that writes to the context can hold a TaskGroup.
    async def Perform(  # type: ignore[override]
        self, requests: AsyncIterator[pb.PerformRequest], context: Context
    ) -> None:
        """A session's life on this group."""
        start: pb.PerformStart = await start_of(requests)
        self._admit(start)
        log = self._context.log.bind(session_id=start.session_id, generation=start.generation)
        self._session_count += 1
        self._context.metrics.sessions.set(self._session_count)
        log.info("session opened")
        try:
            session = await self._worker.run(self._performer.open, start.seed)
            await context.write(pb.PerformResponse(started=pb.PerformStarted(epoch=self._epoch)))
            async for request in requests:
                if request.WhichOneof("message") != "slice":
                    raise InvalidInput("got a second start, expected slices after the first message", reason="MESSAGE")
                await self._perform(session, request.slice, start, context)
        finally:
            self._session_count -= 1
            self._context.metrics.sessions.set(self._session_count)
            log.info("session closed")

    async def _perform(
        self, session: PerformerSession, message: pb.KvSlice, start: pb.PerformStart, context: Context
    ) -> None:
        """One unit: append, solve, answer; then, off the response path, the clean pass."""
        header = message.header
        check_header("slice", header, start)
        kv_slice = self._slice_of(message)
        flight = self._context.recorder.begin(
            header.session_id, header.unit_index, header.traceparent, generation=header.generation, epoch=header.epoch
        )
        flight.attributes["performer_group"] = self._group
        structlog.contextvars.bind_contextvars(unit_index=header.unit_index)
        arrived_ns = time.time_ns()

        def append_and_solve() -> Latents:
            flight.add_stage("queue", arrived_ns, time.time_ns())
            with flight.stage("append"):
                self._performer.append(session, kv_slice)
            with flight.stage("solve"):
                return self._performer.solve(session, kv_slice.unit_index)

        def commit() -> None:
            with flight.stage("clean"):
                self._performer.commit(session, latents)

        is_solved = False
        try:
            latents = await self._worker.run(append_and_solve)
            is_solved = True
            audio, video = (to_proto(z.float().cpu().numpy()) for z in (latents.audio, latents.video))
            await context.write(pb.PerformResponse(latents=pb.Latents(header=header, audio=audio, video=video)))
            await self._worker.run(commit)
        finally:
            # Also when the thinker leaves during the clean pass of the last unit: that unit was answered.
            flight.end("ON_TIME" if is_solved else "SKIPPED")

    def _admit(self, start: pb.PerformStart) -> None:
        if self._is_draining:
            raise Draining("this performer group is going away; try another")
        if start.epoch != self._epoch:
            raise PlacementLost(
                f"got epoch {start.epoch}, expected {self._epoch}: the performer group was restarted and the session's "
                "state is gone; create a new session",
                reason="EPOCH",
            )
        if start.model_fingerprint != self._fingerprint:
            raise InvalidInput(
                f"got model {start.model_fingerprint}, expected {self._fingerprint}: start thinker and performer with "
                "the same preset and weights",
                reason="MODEL_MISMATCH",
            )
        if self._session_count >= self._capacity:
            raise CapacityExhausted(f"all {self._capacity} places of {self._group} are taken")

    def _slice_of(self, message: pb.KvSlice) -> KvSlice:
        keys_values = from_proto(message.keys_values, name="keys_values", dtype="float32", shape=(None,) * 5)
        return KvSlice(
            unit_index=message.header.unit_index,
            keys_values=torch.tensor(keys_values).to(self._performer.model.layer_modulation),
            text_token_count=message.text_token_count,
        )
