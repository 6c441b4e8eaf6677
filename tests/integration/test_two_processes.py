"""nano in separate processes against nano in this one."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import numpy as np

from tests.support.suite import header, user_message
from tests.support.tiny import random_unit
from wan_streamer.engine.config import EngineConfig, load_model
from wan_streamer.engine.schedule import Duplex
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.tensors import from_proto
from wan_streamer.v1 import thinker_pb2 as pb
from wan_streamer.v1 import thinker_pb2_grpc

UNITS = 5
SEED = 11


@asynccontextmanager
async def service(name: str, *arguments: str) -> AsyncIterator[str]:
    """A service as a process of its own; its address, once it says that it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{name}", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            ready = (await process.stdout.readline()).decode().split()
        assert ready[:3] == [name, "ready", "on"], ready
        yield ready[3]
    finally:
        process.terminate()
        await process.wait()


async def test_two_processes_equal_one() -> None:
    """Thinker and performer in processes of their own give, over gRPC, the bits of both in one process."""
    model = load_model(EngineConfig())
    config, duplex = model.config, Duplex(model)
    session = duplex.open(SEED)
    async with (
        service("performer") as performer,
        service("thinker", "--performer", performer) as thinker,
        open_channel(thinker) as channel,
    ):
        stub = thinker_pb2_grpc.ThinkerServiceStub(channel)
        place = await stub.Reserve(pb.ReserveRequest(session_id="a"))
        call = stub.Converse()
        start = pb.ConverseStart(
            session_id="a", generation=1, incarnation=place.incarnation, epoch=place.epoch, seed=SEED
        )
        await call.write(pb.ConverseRequest(start=start))
        assert (await call.read()).WhichOneof("message") == "started"
        for k in range(UNITS):
            user = random_unit(config, k)
            await call.write(user_message(user, header("a", k, place.epoch)))
            response = await call.read()
            assert response is not grpc.aio.EOF, await call.details()
            expected = duplex.step(session, user)
            audio = from_proto(response.unit.audio, name="audio", dtype="int16", shape=(None,))
            video = from_proto(response.unit.video, name="video", dtype="uint8", shape=(None,) * 4)
            assert np.array_equal(audio, expected.audio)
            assert np.array_equal(video, expected.video)
            assert response.unit.text == expected.text
            assert response.unit.model_latency_us > 0
        await call.write(pb.ConverseRequest(end=pb.ConverseEnd()))
        assert await call.read() is grpc.aio.EOF
