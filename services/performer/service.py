"""The performer service: one stream a session, slices in, latents out."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import numpy as np
import structlog

from services.performer.config import PerformerConfig
from services.performer.engine import Engine, running_engine
from services.performer.epoch import epoch_over
from services.performer.group_performer import GroupSession
from services.performer.rank_process import Load
from wan_streamer.engine.config import load_model
from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.engine.number_type import check_number_type, from_array, number_type_of, to_array
from wan_streamer.engine.warm_up import admitted
from wan_streamer.errors import CapacityExhausted, Draining, InvalidInput, PlacementLost
from wan_streamer.rpc.notifier import Notifier
from wan_streamer.rpc.server import ServiceContext
from wan_streamer.rpc.stream import check_header, start_of
from wan_streamer.rpc.tensors import data_type_named, from_proto, name_of_data_type, to_proto
from wan_streamer.rpc.worker import EngineWorker
from wan_streamer.v1 import performer_pb2 as pb
from wan_streamer.v1 import performer_pb2_grpc, session_pb2

Context = grpc.aio.ServicerContext[Any, Any]
Write = Callable[[pb.PerformResponse], Awaitable[None]]


@asynccontextmanager
async def build_performer(
    config: PerformerConfig, context: ServiceContext, load: Load = load_model
) -> AsyncIterator["PerformerService"]:
    """Loads the model, here or on each rank, warms it up and yields the service."""
    with EngineWorker() as worker:
        async with running_engine(config, worker, context.log, load) as engine:
            capacity = await worker.run(admitted, config.max_sessions, engine.unit_cost_ms, engine.performer.reserve)
            context.log.info(
                "model ready",
                preset=config.preset,
                ranks=config.ranks,
                unit_cost_ms=round(engine.unit_cost_ms, 1),
                capacity=capacity,
            )
            yield PerformerService(config.group, engine, capacity, worker, context)


class PerformerService(performer_pb2_grpc.PerformerServiceServicer):
    """Serves a performer. A session lives in one epoch of it; when that is over its stream ends with PlacementLost."""

    full_names: Sequence[str] = (pb.DESCRIPTOR.services_by_name["PerformerService"].full_name,)

    def __init__(
        self, group: str, engine: Engine, capacity: int, worker: EngineWorker, context: ServiceContext
    ) -> None:
        self._group = group
        self._engine = engine
        self._performer = engine.performer
        self._number_type = number_type_of(engine.performer.dtype)
        self._incarnation = engine.incarnation
        self._capacity = capacity
        self._worker = worker
        self._context = context
        self._session_count = 0
        self._changed = Notifier()
        self._drain_end_s: float | None = None
        context.metrics.session_capacity.set(capacity)

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the service to a server."""
        performer_pb2_grpc.add_PerformerServiceServicer_to_server(self, server)

    async def probe_engine(self) -> None:
        """Returns while the engine makes progress."""
        await self._worker.probe()

    async def probe(self) -> None:
        """Returns while its ranks are there."""
        self._incarnation.serving_epoch()

    async def drain(self, time_left_s: float) -> None:
        """Takes no new sessions, tells the thinkers of the live ones and waits until they have ended them.

        Streams that are open when the time is over end with the server.
        """
        self._drain_end_s = time.monotonic() + time_left_s
        self._changed.notify()
        with suppress(TimeoutError):
            async with asyncio.timeout(time_left_s):
                await self._changed.until(lambda: not self._session_count)

    async def DescribePerformer(
        self, request: pb.DescribePerformerRequest, context: Context
    ) -> pb.DescribePerformerResponse:
        """What this group runs and how full it is; an error while it forms or stands still, and so is no use."""
        self._worker.check()
        return pb.DescribePerformerResponse(
            group=self._group,
            epoch=self._incarnation.serving_epoch(),
            rank_count=self._engine.rank_count,
            model_fingerprint=self._engine.fingerprint,
            max_session_count=self._capacity,
            session_count=self._session_count,
            is_draining=self._is_draining,
            keys_values_data_type=data_type_named(self._number_type),
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
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._incarnation.until_over(start.epoch))
                await self._perform_all(start, requests, _one_at_a_time(context))
                watching.cancel()
        finally:
            self._session_count -= 1
            self._context.metrics.sessions.set(self._session_count)
            self._changed.notify()
            log.info("session closed")

    @property
    def _is_draining(self) -> bool:
        return self._drain_end_s is not None

    async def _tell_when_draining(self, write: Write) -> None:
        await self._changed.until(lambda: self._is_draining)
        assert self._drain_end_s is not None
        # The session's history is here and goes with the group.
        go_away = session_pb2.GoAway(reason="DRAINING", resumable=False)
        go_away.time_left.FromMilliseconds(max(0, round((self._drain_end_s - time.monotonic()) * 1e3)))
        await write(pb.PerformResponse(go_away=go_away))

    async def _perform_all(
        self, start: pb.PerformStart, requests: AsyncIterator[pb.PerformRequest], write: Write
    ) -> None:
        session = await self._worker.run(self._performer.open, start.seed)
        telling: asyncio.Task[None] | None = None
        try:
            await write(pb.PerformResponse(started=pb.PerformStarted(epoch=start.epoch)))
            telling = asyncio.create_task(self._tell_when_draining(write))
            async for request in requests:
                if request.WhichOneof("message") != "slice":
                    raise InvalidInput("got a second start, expected slices after the first message", reason="MESSAGE")
                await self._perform(session, request.slice, start, write)
        finally:
            if telling is not None:
                telling.cancel()
            await self._worker.run(self._performer.close, session)

    async def _perform(self, session: Any, message: pb.KvSlice, start: pb.PerformStart, write: Write) -> None:
        """One unit: append, solve, answer; then, off the response path, the clean pass."""
        header = message.header
        check_header("slice", header, start, outlives_attachments=True)
        kv_slice = self._slice_of(message)
        flight = self._context.recorder.begin(
            header.session_id, header.unit_index, header.traceparent, generation=header.generation, epoch=header.epoch
        )
        flight.attributes["performer_group"] = self._group
        structlog.contextvars.bind_contextvars(unit_index=header.unit_index)
        arrived_ns = time.time_ns()

        def append_and_solve() -> tuple[Latents, list[np.ndarray]]:
            flight.add_stage("queue", arrived_ns, time.time_ns())
            with flight.stage("append"):
                self._performer.append(session, kv_slice)
            with flight.stage("solve"):
                solved = self._performer.solve(session, kv_slice.unit_index)
                # Waits for the GPU: here, not in the event loop.
                return solved, [to_array(z.float()) for z in (solved.audio, solved.video)]

        def commit() -> None:
            with flight.stage("clean"):
                self._performer.commit(session, latents)
            for rank, done in enumerate(session.committed if isinstance(session, GroupSession) else ()):
                flight.add_part("rank.solve", *done.solve_unix_ns, rank=rank)
                flight.add_part("rank.clean", *done.clean_unix_ns, rank=rank)

        is_solved = False
        try:
            latents, arrays = await self._worker.run(append_and_solve)
            is_solved = True
            audio, video = (to_proto(array) for array in arrays)
            await write(pb.PerformResponse(latents=pb.Latents(header=header, audio=audio, video=video)))
            await self._worker.run(commit)
        finally:
            # Also when the thinker leaves during the clean pass of the last unit: that unit was answered.
            flight.end("ON_TIME" if is_solved else "SKIPPED")

    def _admit(self, start: pb.PerformStart) -> None:
        if self._is_draining:
            raise Draining("this performer group is going away; try another")
        if start.epoch != self._incarnation.epoch:
            raise PlacementLost(epoch_over(start.epoch), reason="EPOCH")
        check_number_type(name_of_data_type(start.keys_values_data_type), self._number_type)
        fingerprint = self._engine.fingerprint
        if start.model_fingerprint != fingerprint:
            raise InvalidInput(
                f"got model {start.model_fingerprint}, expected {fingerprint}: start thinker and performer with "
                "the same preset and weights",
                reason="MODEL_MISMATCH",
            )
        if self._session_count >= self._capacity:
            raise CapacityExhausted(f"all {self._capacity} places of {self._group} are taken")

    def _slice_of(self, message: pb.KvSlice) -> KvSlice:
        keys_values = from_proto(message.keys_values, name="keys_values", dtype=self._number_type, shape=(None,) * 5)
        return KvSlice(
            unit_index=message.header.unit_index,
            keys_values=from_array(keys_values),
            text_token_count=message.text_token_count,
        )


def _one_at_a_time(context: Context) -> Write:
    """gRPC takes one message of a stream at a time."""
    turn = asyncio.Lock()

    async def write(response: pb.PerformResponse) -> None:
        async with turn:
            await context.write(response)

    return write
