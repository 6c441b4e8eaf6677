"""A remote peer that speaks PerformerService with the thinker: answers when the test lets it. No model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import numpy as np
import structlog

from wan_streamer.model.config import ModelConfig
from wan_streamer.model.layout import Kind, UnitLayout
from wan_streamer.rpc.channel import SERVER_OPTIONS
from wan_streamer.rpc.interceptor import ErrorInterceptor
from wan_streamer.rpc.tensors import to_proto
from wan_streamer.v1 import performer_pb2 as pb
from wan_streamer.v1 import performer_pb2_grpc


class PerformerPeer(performer_pb2_grpc.PerformerServiceServicer):
    """Holds the latents of every unit back until `answer`."""

    def __init__(self, config: ModelConfig, fingerprint: str) -> None:
        self._config, self._fingerprint = config, fingerprint
        self._allowed = asyncio.Semaphore(0)
        self._changed = asyncio.Condition()
        self.slices: list[int] = []
        """Units whose slices have come, in their order."""

    def answer(self) -> None:
        """Lets the next latents go."""
        self._allowed.release()

    async def until_slices(self, count: int) -> None:
        """Waits until so many slices have come."""
        async with self._changed, asyncio.timeout(60):
            await self._changed.wait_for(lambda: len(self.slices) >= count)

    async def DescribePerformer(self, request, context):
        return pb.DescribePerformerResponse(
            group="peer", epoch=7, rank_count=1, model_fingerprint=self._fingerprint, max_session_count=4
        )

    async def Perform(self, requests, context):
        await anext(requests)
        await context.write(pb.PerformResponse(started=pb.PerformStarted(epoch=7)))
        answering = asyncio.Queue()
        reading = asyncio.create_task(self._read(requests, answering))
        while (message := await answering.get()) is not None:
            await self._allowed.acquire()
            await context.write(pb.PerformResponse(latents=self._latents(message)))
        await reading

    async def _read(self, requests, answering):
        async for request in requests:
            answering.put_nowait(request.slice)
            async with self._changed:
                self.slices.append(request.slice.header.unit_index)
                self._changed.notify_all()
        answering.put_nowait(None)

    def _latents(self, message: pb.KvSlice) -> pb.Latents:
        counts, config = UnitLayout.of(self._config).counts, self._config
        random = np.random.default_rng(message.header.unit_index)
        audio = random.normal(size=(counts[Kind.AGENT_AUDIO], config.agent_audio.latent_channels))
        video = random.normal(size=(counts[Kind.AGENT_VIDEO], config.agent_video.latent_channels))
        return pb.Latents(
            header=message.header, audio=to_proto(audio.astype(np.float32)), video=to_proto(video.astype(np.float32))
        )


@asynccontextmanager
async def serving(peer: PerformerPeer) -> AsyncIterator[str]:
    """Serves a peer on loopback; yields the address."""
    server = grpc.aio.server(options=list(SERVER_OPTIONS), interceptors=[ErrorInterceptor(structlog.get_logger())])
    performer_pb2_grpc.add_PerformerServiceServicer_to_server(peer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
