"""The performer service over gRPC."""

import asyncio
import functools

import grpc
import numpy as np
import pytest

from services.performer.config import PerformerConfig
from services.performer.service import build_performer
from tests.support.suite import header, perform_start, tiny_model, tiny_performer
from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.thinker import Thinker
from wan_streamer.errors import CapacityExhausted, Draining, InvalidInput, PlacementLost
from wan_streamer.model.presets import untrained
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.server import started
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.rpc.tensors import from_proto, to_proto
from wan_streamer.v1 import performer_pb2 as pb
from wan_streamer.v1 import performer_pb2_grpc


def slice_message(unit_index: int, epoch: int, thinker: Thinker) -> pb.KvSlice:
    kv_slice = thinker.hear_and_think(thinker.open(), random_unit(tiny_config(), unit_index))
    return pb.KvSlice(
        header=header("a", unit_index, epoch),
        keys_values=to_proto(kv_slice.keys_values.numpy()),
        text_token_count=kv_slice.text_token_count,
    )


async def test_latents_equal_the_engine_in_this_process() -> None:
    """The same slices give the same latents through the service and through the engine, bit for bit."""
    thinker = Thinker(untrained(tiny_config(), 0))
    performer = Performer(untrained(tiny_config(), 0))
    session = performer.open(7)
    async with tiny_performer() as address, open_channel(address) as channel:
        stub = performer_pb2_grpc.PerformerServiceStub(channel)
        group = await stub.DescribePerformer(pb.DescribePerformerRequest())
        call = stub.Perform()
        await call.write(perform_start("a", group))
        assert (await call.read()).started.epoch == group.epoch
        for k in (0, 1, 2, 5):
            message = slice_message(k, group.epoch, thinker)
            await call.write(pb.PerformRequest(slice=message))
            got = (await call.read()).latents
            performer.append(session, thinker.hear_and_think(thinker.open(), random_unit(tiny_config(), k)))
            expected = performer.solve(session, k)
            performer.commit(session, expected)
            for name in ("audio", "video"):
                wanted = getattr(expected, name).numpy()
                array = from_proto(getattr(got, name), name=name, dtype="float32", shape=wanted.shape)
                assert np.array_equal(array, wanted)


@pytest.mark.parametrize(
    ("changes", "error_class", "reason"),
    [
        ({"epoch": 1}, PlacementLost, "EPOCH"),
        ({"model_fingerprint": "other"}, InvalidInput, "MODEL_MISMATCH"),
    ],
)
async def test_a_start_that_does_not_fit_is_refused(
    changes: dict[str, object], error_class: type[Exception], reason: str
) -> None:
    """A message of another epoch or for another model is refused with its reason."""
    async with tiny_performer() as address, open_channel(address) as channel:
        stub = performer_pb2_grpc.PerformerServiceStub(channel)
        group = await stub.DescribePerformer(pb.DescribePerformerRequest())
        call = stub.Perform()
        await call.write(perform_start("a", group, **changes))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        error = from_rpc_error(caught.value)
        assert isinstance(error, error_class)
        assert error.reason == reason  # type: ignore[attr-defined]


@pytest.mark.parametrize("case", ["nan", "past", "shape", "first", "session"])
async def test_bad_slices_are_invalid(case: str) -> None:
    """NaN, a past index, a wrong shape, a slice before the start and another session's header are INVALID_ARGUMENT."""
    thinker = Thinker(untrained(tiny_config(), 0))
    async with tiny_performer() as address, open_channel(address) as channel:
        stub = performer_pb2_grpc.PerformerServiceStub(channel)
        group = await stub.DescribePerformer(pb.DescribePerformerRequest())
        call = stub.Perform()
        if case != "first":
            await call.write(perform_start("a", group))
            await call.read()
        message = slice_message(1, group.epoch, thinker)
        if case == "past":
            await call.write(pb.PerformRequest(slice=message))
            await call.read()
        elif case == "nan":
            shape = tuple(message.keys_values.shape)
            message.keys_values.CopyFrom(to_proto(np.full(shape, np.nan, np.float32)))
        elif case == "shape":
            message.keys_values.CopyFrom(to_proto(np.zeros((1, 2, 1, 3, 4), np.float32)))
        elif case == "session":
            message.header.session_id = "b"
        await call.write(pb.PerformRequest(slice=message))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert isinstance(from_rpc_error(caught.value), InvalidInput)


async def test_places_are_counted() -> None:
    """The group refuses a session beyond its capacity, and a stream that was left frees its place."""
    async with tiny_performer(max_sessions=1) as address, open_channel(address) as channel:
        stub = performer_pb2_grpc.PerformerServiceStub(channel)
        group = await stub.DescribePerformer(pb.DescribePerformerRequest())
        first, second = stub.Perform(), stub.Perform()
        await first.write(perform_start("a", group))
        await first.read()
        await second.write(perform_start("b", group))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await second.read()
        assert isinstance(from_rpc_error(caught.value), CapacityExhausted)
        first.cancel()
        async with asyncio.timeout(5):
            while (await stub.DescribePerformer(pb.DescribePerformerRequest())).session_count:
                await asyncio.sleep(0.02)


async def test_a_drain_tells_its_sessions_and_waits_for_them() -> None:
    """A draining group says so to who asks, refuses sessions, tells the live one, and is done when that has ended."""
    config = PerformerConfig(max_sessions=4, log_level="warning")
    build = functools.partial(build_performer, config, load=tiny_model)
    async with started("performer", config, build) as server, open_channel(server.address) as channel:
        stub = performer_pb2_grpc.PerformerServiceStub(channel)
        group = await stub.DescribePerformer(pb.DescribePerformerRequest())
        live, late = stub.Perform(), stub.Perform()
        await live.write(perform_start("a", group))
        await live.read()
        draining = asyncio.create_task(server.drain(20))
        go_away = (await live.read()).go_away
        assert (go_away.reason, go_away.resumable) == ("DRAINING", False)
        assert 18 < go_away.time_left.ToMilliseconds() / 1e3 <= 20
        assert (await stub.DescribePerformer(pb.DescribePerformerRequest())).is_draining
        await late.write(perform_start("b", group))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await late.read()
        assert isinstance(from_rpc_error(caught.value), Draining)
        thinker = Thinker(untrained(tiny_config(), 0))
        await live.write(pb.PerformRequest(slice=slice_message(0, group.epoch, thinker)))
        assert (await live.read()).HasField("latents")
        assert not draining.done()
        await live.done_writing()
        async with asyncio.timeout(2):
            await draining


async def test_a_drain_ends_when_its_time_is_over() -> None:
    """A session that does not end holds the drain no longer than it may."""
    config = PerformerConfig(max_sessions=4, log_level="warning")
    build = functools.partial(build_performer, config, load=tiny_model)
    async with started("performer", config, build) as server, open_channel(server.address) as channel:
        stub = performer_pb2_grpc.PerformerServiceStub(channel)
        group = await stub.DescribePerformer(pb.DescribePerformerRequest())
        live = stub.Perform()
        await live.write(perform_start("a", group))
        await live.read()
        async with asyncio.timeout(5):
            await server.drain(0.2)
