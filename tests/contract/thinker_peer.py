"""A remote peer that speaks ThinkerService with the gateway: generated media, trouble on demand. No model.

As a thinker it keeps a session whose stream broke, here without an end; what it has answered it answers again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import numpy as np
import structlog

from wan_streamer.errors import CapacityExhausted, PlacementLost, WanStreamerError
from wan_streamer.rpc.channel import SERVER_OPTIONS
from wan_streamer.rpc.interceptor import ErrorInterceptor
from wan_streamer.rpc.tensors import from_proto, to_proto
from wan_streamer.v1 import session_pb2, thinker_pb2_grpc, unit_pb2
from wan_streamer.v1 import thinker_pb2 as pb

WIDTH, HEIGHT = 32, 16
SAMPLES = 2560


class ThinkerPeer(thinker_pb2_grpc.ThinkerServiceServicer):
    """Answers unit k with the mean of its sound, a picture of brightness k and the text "k "."""

    def __init__(self) -> None:
        self.capacity = 8
        self.reserved: set[str] = set()
        self.kept: dict[str, list[pb.AgentUnitMedia]] = {}
        """Answers of the sessions that have begun and not ended."""
        self.generations: dict[str, int] = {}
        self.go_away: session_pb2.GoAway | None = None
        self.live: dict[str, pb.ConverseStart] = {}
        self.received: dict[str, list[unit_pb2.UserUnit]] = {}
        self.answering = asyncio.Event()
        self.answering.set()
        self.listening = asyncio.Event()
        self.listening.set()
        self.trouble: dict[int, WanStreamerError | str] = {}
        self.changed = asyncio.Condition()
        self.incarnation = "peer-1"
        self.pod_uid = ""
        self.group = "peer"
        self.noise_side: int | None = None
        self.commit_s = 0.0
        self.committed: set[str] = set()
        """Pictures of noise of this size instead: large as JPEG."""

    async def until_live(self, count: int) -> None:
        """Waits until so many conversations are open."""
        async with self.changed, asyncio.timeout(10):
            await self.changed.wait_for(lambda: len(self.live) == count)

    async def until_received(self, session_id: str, count: int) -> None:
        """Waits until so many units of a session have come."""
        async with self.changed, asyncio.timeout(10):
            await self.changed.wait_for(lambda: len(self.received.get(session_id, ())) >= count)

    async def DescribeThinker(self, request, context):
        width, height = (self.noise_side, self.noise_side) if self.noise_side else (WIDTH, HEIGHT)
        model = pb.ModelDescription(
            preset="peer", text="a test peer", user_audio_sample_rate_hz=16000, agent_audio_sample_rate_hz=16000,
            user_video_width=WIDTH, user_video_height=HEIGHT, agent_video_width=width, agent_video_height=height,
        )  # fmt: skip
        return pb.DescribeThinkerResponse(
            incarnation=self.incarnation, model=model, max_session_count=self.capacity,
            session_count=len(self.live) + len(self.reserved), performer_group=self.group, pod_uid=self.pod_uid,
        )  # fmt: skip

    async def Reserve(self, request, context):
        if len(self.reserved) + len(self.live) >= self.capacity:
            raise CapacityExhausted("every place is taken", retry_after_s=1.5)
        self.reserved.add(request.session_id)
        return pb.ReserveResponse(incarnation=self.incarnation, performer_group=self.group, epoch=7)

    async def Converse(self, requests, context):
        start = (await anext(requests)).start
        session_id = start.session_id
        is_resumed = session_id in self.kept
        if not is_resumed and session_id not in self.reserved:
            raise PlacementLost("not reserved; create a new session")
        self.reserved.discard(session_id)
        answers = self.kept.setdefault(session_id, [])
        self.generations[session_id] = generation = self.generations.get(session_id, 0) + 1
        received = self.received.setdefault(session_id, [])
        next_unit_index = received[-1].header.unit_index + 1 if received else 0
        started = pb.ConverseStarted(
            epoch=start.epoch, generation=generation, is_resumed=is_resumed, next_unit_index=next_unit_index
        )
        try:
            self.live[session_id] = start
            await self._tell()
            await context.write(pb.ConverseResponse(started=started))
            if start.HasField("last_received_unit_index"):
                for answer in answers:
                    if answer.header.unit_index > start.last_received_unit_index:
                        answer.header.generation = generation
                        await context.write(pb.ConverseResponse(unit=answer))
            if self.go_away is not None:
                await context.write(pb.ConverseResponse(go_away=self.go_away))
            await self._answer_all(requests, context, received, answers)
            del self.kept[session_id]
            await asyncio.sleep(self.commit_s)
            self.committed.add(session_id)
        except WanStreamerError:
            del self.kept[session_id]
            raise
        finally:
            if self.live[session_id] is start:
                del self.live[session_id]
            await self._tell()

    async def _answer_all(self, requests, context, received, answers):
        async for request in requests:
            if request.HasField("end"):
                return
            received.append(request.unit)
            await self._tell()
            await self.listening.wait()
            await self.answering.wait()
            answer = self._answer(request.unit)
            if answer is not None:
                answers.append(answer)
                await context.write(pb.ConverseResponse(unit=answer))
        await asyncio.Event().wait()  # it breaks; what is heard first is a half-close

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    def _answer(self, unit: unit_pb2.UserUnit) -> pb.AgentUnitMedia | None:
        unit_index = unit.header.unit_index
        trouble = self.trouble.get(unit_index)
        if isinstance(trouble, WanStreamerError):
            raise trouble
        if trouble == "silence":
            return None
        if trouble == "skip":
            return pb.AgentUnitMedia(
                header=unit.header,
                outcome=unit_pb2.UNIT_OUTCOME_SKIPPED,
                skip_reason=unit_pb2.SKIP_REASON_ENGINE_FAULT,
            )
        sound = from_proto(unit.audio, name="audio", dtype=np.float32, shape=(SAMPLES,))
        width = 1 if trouble == "bad tensor" else WIDTH
        return pb.AgentUnitMedia(
            header=unit.header,
            outcome=unit_pb2.UNIT_OUTCOME_ON_TIME,
            audio=to_proto(np.full(SAMPLES, round(float(sound.mean()) * 32768), np.int16)),
            video=to_proto(self._pictures(unit_index, width)),
            text=f"{unit_index} ",
            model_latency_us=1234,
        )

    def _pictures(self, unit_index: int, width: int) -> np.ndarray:
        if self.noise_side is None:
            return np.full((4, HEIGHT, width, 3), unit_index % 256, np.uint8)
        side = self.noise_side
        return np.random.default_rng(unit_index).integers(0, 256, (4, side, side, 3), np.uint8)


@asynccontextmanager
async def serving(peer: ThinkerPeer, port: int = 0) -> AsyncIterator[str]:
    """Serves a peer on loopback; yields the address."""
    interceptors = [ErrorInterceptor(structlog.get_logger())]
    server = grpc.aio.server(options=list(SERVER_OPTIONS), interceptors=interceptors)
    thinker_pb2_grpc.add_ThinkerServiceServicer_to_server(peer, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
