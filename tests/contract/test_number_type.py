"""Slices travel in the numbers of the model, and two sides of different numbers refuse each other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import numpy as np
import pytest
import torch

from tests.support.suite import header, perform_start, tiny_performer, tiny_thinker
from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.config import EngineConfig
from wan_streamer.engine.number_type import serve_in, to_array
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.thinker import Thinker
from wan_streamer.model.presets import untrained
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.rpc.tensors import BFLOAT16, from_proto, to_proto
from wan_streamer.v1 import performer_pb2 as pb
from wan_streamer.v1 import performer_pb2_grpc, tensor_pb2, thinker_pb2, thinker_pb2_grpc


def bfloat16_model(_config: EngineConfig | None = None) -> WanStreamer:
    return serve_in(untrained(tiny_config(), 0), "bfloat16")


@asynccontextmanager
async def bfloat16_performer(
    ranks: int = 1,
) -> AsyncIterator[tuple["performer_pb2_grpc.PerformerServiceAsyncStub", pb.DescribePerformerResponse]]:
    async with tiny_performer(load=bfloat16_model, ranks=ranks) as address, open_channel(address) as channel:
        stub = performer_pb2_grpc.PerformerServiceStub(channel)
        yield stub, await stub.DescribePerformer(pb.DescribePerformerRequest())


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.long)])
async def test_bfloat16_slices_give_the_engines_latents(ranks: int) -> None:
    """Keys and values go as two bytes a number, unchanged: one process answers as the engine does, bit for bit, two
    ranks within bfloat16's rounding."""
    thinker, performer = Thinker(bfloat16_model()), Performer(bfloat16_model())
    hearing, solving = thinker.open(), performer.open(7)
    async with bfloat16_performer(ranks) as (stub, group):
        assert group.keys_values_data_type == tensor_pb2.DATA_TYPE_BFLOAT16
        call = stub.Perform()
        await call.write(perform_start("a", group, keys_values_data_type=group.keys_values_data_type))
        assert (await call.read()).started.epoch == group.epoch
        for k in range(8):
            kv_slice = thinker.hear_and_think(hearing, random_unit(tiny_config(), k))
            message = to_proto(to_array(kv_slice.keys_values), dtype=BFLOAT16)
            assert len(message.data) == 2 * kv_slice.keys_values.numel()
            slice_message = pb.KvSlice(
                header=header("a", k, group.epoch), keys_values=message, text_token_count=kv_slice.text_token_count
            )
            await call.write(pb.PerformRequest(slice=slice_message))
            got = (await call.read()).latents
            performer.append(solving, kv_slice)
            expected = performer.solve(solving, k)
            performer.commit(solving, expected)
            thinker.commit(hearing, expected)
            array = from_proto(got.video, name="video", dtype="float32", shape=expected.video.shape)
            assert expected.video.dtype == torch.float32
            assert np.abs(array - expected.video.numpy()).max() <= (0 if ranks == 1 else 0.05)


async def test_a_session_of_other_numbers_is_refused() -> None:
    """Who says nothing means float32: a performer in bfloat16 refuses with the option to change."""
    async with bfloat16_performer() as (stub, group):
        call = stub.Perform()
        await call.write(perform_start("a", group))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        error = from_rpc_error(caught.value)
        assert error.reason == "NUMBER_TYPE"
        assert "got keys and values in float32, expected bfloat16" in str(error)
        assert "--dtype" in str(error)


async def test_a_thinker_of_other_numbers_has_no_performer() -> None:
    """A float32 thinker says before any session why it cannot use its performer."""
    async with (
        tiny_performer(load=bfloat16_model) as performer,
        tiny_thinker(performer) as thinker,
        open_channel(thinker) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await thinker_pb2_grpc.ThinkerServiceStub(channel).DescribeThinker(thinker_pb2.DescribeThinkerRequest())
        error = from_rpc_error(caught.value)
        assert error.reason == "NUMBER_TYPE"
        assert "takes keys and values in bfloat16, this thinker has float32" in str(error)
