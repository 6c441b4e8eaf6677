"""A session on a performer group, and what one process answers in its place."""

import time
from typing import Any

import grpc
import numpy as np

from tests.support.suite import header, perform_start
from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.thinker import Thinker
from wan_streamer.errors import WanStreamerError
from wan_streamer.model.presets import untrained
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.rpc.tensors import from_proto, to_proto
from wan_streamer.v1 import performer_pb2 as pb
from wan_streamer.v1 import performer_pb2_grpc

TOLERANCE = 1e-5


def solved_by_one_process(unit_count: int) -> list[tuple[KvSlice, Latents]]:
    """Slices of a conversation and what one process solves from them."""
    thinker, performer = Thinker(untrained(tiny_config(), 0)), Performer(untrained(tiny_config(), 0))
    hearing, solving = thinker.open(), performer.open(7)
    units = []
    for k in range(unit_count):
        kv_slice = thinker.hear_and_think(hearing, random_unit(tiny_config(), k))
        performer.append(solving, kv_slice)
        latents = performer.solve(solving, k)
        performer.commit(solving, latents)
        thinker.commit(hearing, latents)
        units.append((kv_slice, latents))
    return units


class Talk:
    """A session on the group."""

    def __init__(self, channel: grpc.aio.Channel, group: pb.DescribePerformerResponse, name: str) -> None:
        self._name = name
        self._group = group
        self._call: Any = performer_pb2_grpc.PerformerServiceStub(channel).Perform()

    async def start(self) -> None:
        """Opens it."""
        await self._call.write(perform_start(self._name, self._group))
        assert (await self._call.read()).started.epoch == self._group.epoch

    async def send(self, kv_slice: KvSlice) -> None:
        """Sends a slice."""
        message = pb.KvSlice(
            header=header(self._name, kv_slice.unit_index, self._group.epoch),
            keys_values=to_proto(kv_slice.keys_values.numpy()),
            text_token_count=kv_slice.text_token_count,
        )
        await self._call.write(pb.PerformRequest(slice=message))

    async def expect(self, latents: Latents) -> None:
        """Reads the next latents, which must be these."""
        assert matches((await self._call.read()).latents, latents)

    async def told_to_go(self) -> bool:
        """Whether the next message says that the group goes away."""
        return bool((await self._call.read()).WhichOneof("message") == "go_away")

    async def leave(self) -> None:
        """Ends it."""
        await self._call.done_writing()
        assert await self._call.read() is grpc.aio.EOF

    async def end(self) -> tuple[list[pb.Latents], WanStreamerError, float]:
        """What still came, with what the stream ended, and when."""
        latents = []
        try:
            while True:
                latents.append((await self._call.read()).latents)
        except grpc.aio.AioRpcError as error:
            return latents, from_rpc_error(error), time.time()


def matches(got: pb.Latents, wanted: Latents) -> bool:
    """Whether latents are those of one process."""
    for name in ("audio", "video"):
        expected = getattr(wanted, name).numpy()
        array = from_proto(getattr(got, name), name=name, dtype="float32", shape=expected.shape)
        if np.abs(array - expected).max() > TOLERANCE:
            return False
    return got.header.unit_index == wanted.unit_index


async def describe(channel: grpc.aio.Channel) -> pb.DescribePerformerResponse:
    """A group's description."""
    return await performer_pb2_grpc.PerformerServiceStub(channel).DescribePerformer(pb.DescribePerformerRequest())
