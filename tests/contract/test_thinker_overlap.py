"""How far the thinker runs ahead of the performer: as far as the model's lag, no more and no less."""

import asyncio

import grpc
import pytest

from tests.contract.performer_peer import PerformerPeer, serving
from tests.support.suite import header, tiny_thinker, user_message
from tests.support.tiny import random_unit, tiny_config
from wan_streamer.model.presets import untrained
from wan_streamer.rpc.channel import open_channel
from wan_streamer.v1 import thinker_pb2 as pb
from wan_streamer.v1 import thinker_pb2_grpc

UNITS = 4
# Long enough for a state pass that should not have begun to be noticed.
SETTLE_S = 0.3


@pytest.mark.parametrize("lag", [0, 1])
async def test_slices_run_ahead_of_latents_by_exactly_the_lag(lag: int) -> None:
    """While the performer solves unit k the thinker sends the slices up to k + lag; the next waits for latents k."""
    config = tiny_config(lag=lag)
    peer = PerformerPeer(config, untrained(config, 0).fingerprint())
    async with (
        serving(peer) as performer,
        tiny_thinker(performer, lag=lag) as thinker,
        open_channel(thinker) as channel,
    ):
        stub = thinker_pb2_grpc.ThinkerServiceStub(channel)
        place = await stub.Reserve(pb.ReserveRequest(session_id="a"))
        call = stub.Converse()
        start = pb.ConverseStart(session_id="a", generation=1, incarnation=place.incarnation, epoch=place.epoch, seed=0)
        await call.write(pb.ConverseRequest(start=start))
        assert (await call.read()).WhichOneof("message") == "started"
        for k in range(UNITS):
            await call.write(user_message(random_unit(config, k), header("a", k, place.epoch)))
        await call.write(pb.ConverseRequest(end=pb.ConverseEnd()))
        for solving in range(UNITS):
            ahead = min(UNITS, solving + 1 + lag)
            await peer.until_slices(ahead)
            await asyncio.sleep(SETTLE_S)
            assert peer.slices == list(range(ahead))
            peer.answer()
            assert (await call.read()).unit.header.unit_index == solving
        assert await call.read() is grpc.aio.EOF
