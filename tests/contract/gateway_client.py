"""A raw client of the gateway, below the SDK: every message is the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import grpc
import numpy as np
from thinker_peer import SAMPLES, ThinkerPeer, serving

from services.gateway.config import GatewayConfig
from services.gateway.service import build_gateway
from wan_streamer.errors import WanStreamerError
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.server import RunningServer, started
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.rpc.stream import ClientStream
from wan_streamer.unit import UNIT_US
from wan_streamer.v1 import session_pb2 as pb
from wan_streamer.v1 import session_pb2_grpc, unit_pb2

PCM = pb.AudioFormat(encoding=pb.AUDIO_ENCODING_PCM_S16LE, sample_rate_hz=16000, channel_count=1)
JPEG = pb.VideoFormat(encoding=pb.VIDEO_ENCODING_JPEG, frame_rate_hz=25)


def audio_of_unit(unit_index: int, value: int = 0) -> pb.ConnectRequest:
    """160 ms of constant sound at 16 kHz, exactly unit `unit_index`."""
    chunk = pb.AudioChunk(
        first_sample_index=unit_index * SAMPLES,
        capture_offset_us=unit_index * UNIT_US,
        data=np.full(SAMPLES, value, "<i2").tobytes(),
    )
    return pb.ConnectRequest(audio=chunk)


def playout(unit_index: int) -> pb.ConnectRequest:
    return pb.ConnectRequest(playout=pb.Playout(played_unit_index=unit_index))


END = pb.ConnectRequest(end_of_input=pb.EndOfInput())
INTERRUPT = pb.ConnectRequest(interrupt=pb.Interrupt())


@dataclass
class Talk:
    """One Connect stream."""

    stream: ClientStream[pb.ConnectRequest, pb.ConnectResponse]
    session_id: str
    token: str
    attached: pb.Attached = field(default_factory=pb.Attached)

    async def send(self, *requests: pb.ConnectRequest) -> None:
        for request in requests:
            await self.stream.write(request)

    async def read(self) -> pb.ConnectResponse:
        """The next message; the gateway's error, restored, when the stream failed."""
        async with asyncio.timeout(20):
            response = await self.stream.read()
        assert response is not None, "the stream ended with OK"
        return response

    async def units(self, count: int) -> list[unit_pb2.AgentUnit]:
        responses = [await self.read() for _ in range(count)]
        assert all(response.HasField("unit") for response in responses), responses
        return [response.unit for response in responses]

    async def rest(self, *, plays: bool = True) -> tuple[list[unit_pb2.AgentUnit], list[pb.ConnectResponse]]:
        """Units and other messages until the stream ends with OK, each unit played as it comes."""
        units, others = [], []
        async with asyncio.timeout(30):
            while (response := await self.stream.read()) is not None:
                if response.HasField("unit"):
                    units.append(response.unit)
                    if plays:
                        await self.stream.write(playout(response.unit.header.unit_index))
                else:
                    others.append(response)
        return units, others

    async def failure(self) -> WanStreamerError:
        """The error that the stream ends with; what comes before it is dropped."""
        try:
            while True:
                await self.read()
        except WanStreamerError as error:
            return error


@dataclass
class Gateway:
    """A running gateway, the peer behind it and a client's stub."""

    server: RunningServer
    peer: ThinkerPeer
    stub: session_pb2_grpc.SessionServiceStub
    config: GatewayConfig
    stack: AsyncExitStack

    async def create(self, request_id: str, **fields: int) -> pb.CreateSessionResponse:
        try:
            return await self.stub.CreateSession(pb.CreateSessionRequest(request_id=request_id, **fields))
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def connect(self, *first: pb.ConnectRequest, session_id: str = "", token: str = "") -> Talk:
        """A stream that begins with any messages."""
        stream = self.stack.enter_context(ClientStream(self.stub.Connect()))
        talk = Talk(stream=stream, session_id=session_id, token=token)
        await talk.send(*first)
        return talk

    async def attach(self, request_id: str = "r", **fields) -> Talk:
        """A new session, attached; audio only at media pace where not said otherwise."""
        created = await self.create(request_id)
        return await self.attach_to(created.session_id, created.resume_token, **fields)

    async def attach_to(self, session_id: str, token: str, **fields) -> Talk:
        attach = pb.Attach(
            **{"session_id": session_id, "resume_token": token, "audio": PCM, "pace": pb.PACE_MEDIA, **fields}
        )
        talk = await self.connect(pb.ConnectRequest(attach=attach), session_id=session_id, token=token)
        talk.attached = (await talk.read()).attached
        return talk

    def session_count(self) -> float:
        return self.server.context.metrics.sessions._value.get()


@asynccontextmanager
async def running_gateway(*, peer: ThinkerPeer | None = None, **options) -> AsyncIterator[Gateway]:
    """A gateway in this process with a ThinkerPeer behind it, both on free loopback ports."""
    async with AsyncExitStack() as stack:
        peer = peer or ThinkerPeer()
        config = GatewayConfig(**{"thinker": (await stack.enter_async_context(serving(peer)),), **options})
        server = await stack.enter_async_context(started("gateway", config, partial(build_gateway, config)))
        channel = await stack.enter_async_context(open_channel(server.address))
        stub = session_pb2_grpc.SessionServiceStub(channel)
        yield Gateway(server=server, peer=peer, stub=stub, config=config, stack=stack)
