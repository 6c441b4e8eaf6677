"""The thinker service over gRPC, with a real performer behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import numpy as np
import pytest

from tests.support.faults import StandingModel
from tests.support.suite import TinySuite, header, tiny_performer, tiny_server, tiny_suite, tiny_thinker, user_message
from tests.support.tiny import random_unit, tiny_config
from wan_streamer.engine.schedule import Duplex
from wan_streamer.errors import (
    CapacityExhausted,
    Draining,
    InvalidInput,
    PeerUnavailable,
    PlacementLost,
    Superseded,
    WanStreamerError,
)
from wan_streamer.model.presets import untrained
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.rpc.tensors import from_proto
from wan_streamer.v1 import thinker_pb2 as pb
from wan_streamer.v1 import thinker_pb2_grpc

UNITS = 9
SEED = 7
END = pb.ConverseRequest(end=pb.ConverseEnd())


class Caller:
    """Speaks to a thinker as a gateway does."""

    def __init__(self, stub: thinker_pb2_grpc.ThinkerServiceAsyncStub) -> None:
        self.stub = stub

    async def start(self, session_id: str, *, generation: int = 1, seed: int = SEED, **changes: object) -> Talk:
        reserved = await self.stub.Reserve(pb.ReserveRequest(session_id=session_id))
        start = pb.ConverseStart(
            session_id=session_id,
            generation=generation,
            incarnation=reserved.incarnation,
            epoch=reserved.epoch,
            seed=seed,
        )
        for name, value in changes.items():
            setattr(start, name, value)
        call = self.stub.Converse()
        await call.write(pb.ConverseRequest(start=start))
        started = await call.read()
        assert started is not grpc.aio.EOF, await call.details()
        assert (started.started.epoch, started.started.is_resumed) == (reserved.epoch, False)
        return Talk(call, session_id, reserved.epoch, generation)

    async def open(self, session_id: str, epoch: int, **changes: object) -> Talk:
        """A stream for a session that has begun, with a token of before its first attach; not started yet."""
        thinker = await self.stub.DescribeThinker(pb.DescribeThinkerRequest())
        start = pb.ConverseStart(
            session_id=session_id, generation=1, incarnation=thinker.incarnation, epoch=epoch, seed=SEED
        )
        for name, value in changes.items():
            setattr(start, name, value)
        call = self.stub.Converse()
        await call.write(pb.ConverseRequest(start=start))
        return Talk(call, session_id, epoch, 1)


class Talk:
    """One open stream."""

    def __init__(self, call: grpc.aio.StreamStreamCall, session_id: str, epoch: int, generation: int) -> None:
        self.call, self.session_id, self.epoch, self.generation = call, session_id, epoch, generation

    async def send(self, unit_index: int, seed: int = 0) -> None:
        unit_header = header(self.session_id, unit_index, self.epoch, self.generation)
        await self.call.write(user_message(random_unit(tiny_config(), unit_index, seed), unit_header))

    async def receive(self) -> tuple[int, np.ndarray, np.ndarray, str]:
        response = await self.call.read()
        assert response is not grpc.aio.EOF, f"{await self.call.code()}: {await self.call.details()}"
        unit = response.unit
        audio = from_proto(unit.audio, name="audio", dtype="int16", shape=(1280,))
        video = from_proto(unit.video, name="video", dtype="uint8", shape=(4, 32, 32, 3))
        return unit.header.unit_index, audio, video, unit.text


@asynccontextmanager
async def caller(suite: TinySuite) -> AsyncIterator[Caller]:
    async with open_channel(suite.thinker) as channel:
        yield Caller(thinker_pb2_grpc.ThinkerServiceStub(channel))


async def ended_with(call: grpc.aio.StreamStreamCall) -> WanStreamerError:
    """The error that a stream ended with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await to_its_end(call)
    return from_rpc_error(caught.value)


async def to_its_end(call: grpc.aio.StreamStreamCall) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


def alone(seed: int, *, lag: int, units: int = UNITS) -> list[tuple[int, np.ndarray, np.ndarray, str]]:
    """What the simple loop in one process gives."""
    duplex = Duplex(untrained(tiny_config(lag=lag), 0))
    session = duplex.open(SEED)
    outputs = [duplex.step(session, random_unit(tiny_config(), k, seed)) for k in range(units)]
    return [(output.unit_index, output.audio, output.video, output.text) for output in outputs]


def assert_same(
    got: tuple[int, np.ndarray, np.ndarray, str], expected: tuple[int, np.ndarray, np.ndarray, str]
) -> None:
    assert got[0] == expected[0]
    assert np.array_equal(got[1], expected[1])
    assert np.array_equal(got[2], expected[2])
    assert got[3] == expected[3]


@pytest.mark.parametrize("lag", [0, 1])
async def test_services_equal_the_simple_loop(lag: int) -> None:
    """Thinker and performer over gRPC, running side by side as far as the lag allows, give the simple loop's bits."""
    async with tiny_suite(lag=lag) as suite, caller(suite) as gateway:
        talk = await gateway.start("a")
        expected = alone(0, lag=lag)

        async def send_all() -> None:
            for k in range(UNITS):
                await talk.send(k)
            await talk.call.write(END)

        sending = asyncio.create_task(send_all())
        for k in range(UNITS):
            assert_same(await talk.receive(), expected[k])
        await sending
        assert await talk.call.read() is grpc.aio.EOF
        assert await talk.call.code() is grpc.StatusCode.OK


async def test_who_is_late_is_heard_and_decoded_while_another_unit_is_solved() -> None:
    """Units that are there at once are encoded before those before are solved, and sent before those are decoded."""
    async with tiny_performer() as performer, tiny_server(performer) as server:
        async with open_channel(server.address) as channel:
            talk = await Caller(thinker_pb2_grpc.ThinkerServiceStub(channel)).start("a")
            for k in range(UNITS):
                await talk.send(k)
            await talk.call.write(END)
            await to_its_end(talk.call)
        flights = {flight.unit_index: flight for flight in server.context.recorder.recent}
    assert sorted(flights) == list(range(UNITS))
    stages = [{name: (start, end) for name, start, end in flights[k].stages} for k in range(UNITS)]
    ahead = [k for k in range(1, UNITS) if stages[k]["encode"][1] <= stages[k - 1]["latents"][1]]
    assert ahead
    for k in ahead:
        assert stages[k]["encode"][1] <= stages[k]["turn"][0]
        assert stages[k - 1]["commit"][1] <= stages[k]["state"][0]
    first = [k for k in ahead if stages[k - 1]["commit"][1] <= stages[k - 1]["decode"][0]]
    assert first
    for k in first:
        assert stages[k]["slice"][1] <= stages[k - 1]["decode"][0]
    # Nothing is behind the last but one.
    assert UNITS - 1 not in first
    for k in set(range(1, UNITS + 1)) - set(first):
        assert stages[k - 1]["decode"][1] <= stages[k - 1]["commit"][0]


async def test_interleaved_sessions_equal_each_alone() -> None:
    """Two sessions that share one thinker and one performer each get, bit for bit, what they get alone."""
    expected = [alone(seed, lag=0) for seed in (1, 2)]
    async with tiny_suite() as suite, caller(suite) as gateway:
        talks = [await gateway.start("a"), await gateway.start("b")]
        for k in range(UNITS):
            for seed, talk in zip((1, 2), talks, strict=True):
                await talk.send(k, seed)
            for talk, outputs in zip(talks, expected, strict=True):
                assert_same(await talk.receive(), outputs[k])


async def test_a_missing_unit_is_a_gap_and_no_more() -> None:
    """A unit that the gateway dropped is skipped: the next index is answered as the simple loop answers it."""
    duplex = Duplex(untrained(tiny_config(), 0))
    session = duplex.open(SEED)
    expected = [duplex.step(session, random_unit(tiny_config(), k)) for k in (0, 1, 4)]
    async with tiny_suite() as suite, caller(suite) as gateway:
        talk = await gateway.start("a")
        for k, output in zip((0, 1, 4), expected, strict=True):
            await talk.send(k)
            assert_same(await talk.receive(), (k, output.audio, output.video, output.text))


async def until_free(gateway: Caller) -> None:
    """Waits until the thinker has no session."""
    async with asyncio.timeout(5):
        while (await gateway.stub.DescribeThinker(pb.DescribeThinkerRequest())).session_count:
            await asyncio.sleep(0.02)


async def test_admission_is_refused_beyond_capacity_and_the_end_frees() -> None:
    """With every place taken Reserve says so and when to come again; a session that ends frees its place at once."""
    async with tiny_suite(max_sessions=1) as suite, caller(suite) as gateway:
        talk = await gateway.start("a")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await gateway.stub.Reserve(pb.ReserveRequest(session_id="b"))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        error = from_rpc_error(caught.value)
        assert isinstance(error, CapacityExhausted)
        assert error.retry_after_s > 0
        await talk.call.write(END)
        await to_its_end(talk.call)
        # Here and on the performer.
        await gateway.start("b")


async def test_a_session_whose_client_stays_away_is_freed_after_its_grace() -> None:
    """A stream that breaks keeps its place for the grace and no longer; who comes later gets FAILED_PRECONDITION."""
    async with tiny_suite(max_sessions=1, detached_grace_s=0.3) as suite, caller(suite) as gateway:
        talk = await gateway.start("a")
        talk.call.cancel()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await gateway.stub.Reserve(pb.ReserveRequest(session_id="b"))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await until_free(gateway)
        late = await ended_with((await gateway.open("a", talk.epoch)).call)
        assert isinstance(late, PlacementLost)
        assert (late.reason, "create a new session" in str(late)) == ("PLACEMENT_LOST", True)
        await gateway.start("b")


@pytest.mark.parametrize("lag", [0, 1])
async def test_a_session_goes_on_where_its_stream_broke(lag: int) -> None:
    """A newer stream gets, once and bit for bit, every answer after the last one that its client has, and goes on."""
    expected = alone(0, lag=lag)
    async with tiny_suite(lag=lag) as suite, caller(suite) as gateway:
        talk = await gateway.start("a")
        for k in range(4):
            await talk.send(k)
        for k in range(3):
            assert_same(await talk.receive(), expected[k])
        talk.call.cancel()
        # The client has units 0 and 1: 2 was lost on the way, 3 is being computed.
        again = await gateway.open("a", talk.epoch, last_received_unit_index=1)
        started = (await again.call.read()).started
        assert (started.is_resumed, started.generation, started.next_unit_index) == (True, 2, 4)
        again.generation = started.generation
        for k in (2, 3):
            assert_same(await again.receive(), expected[k])
        for k in range(4, UNITS):
            await again.send(k)
            assert_same(await again.receive(), expected[k])
        await again.call.write(END)
        assert await again.call.read() is grpc.aio.EOF


async def test_a_resume_that_names_no_unit_gets_nothing_again() -> None:
    """Without last_received_unit_index only units that were not taken yet are answered."""
    async with tiny_suite() as suite, caller(suite) as gateway:
        talk = await gateway.start("a")
        await talk.send(0)
        await talk.receive()
        talk.call.cancel()
        again = await gateway.open("a", talk.epoch)
        again.generation = (await again.call.read()).started.generation
        await again.send(1)
        assert (await again.receive())[0] == 1


async def test_newest_attach_wins() -> None:
    """A newer stream ends the older one with SUPERSEDED, also one whose client knows of no other: a lost answer."""
    async with tiny_suite() as suite, caller(suite) as gateway:
        talks = [await gateway.start("a")]
        await talks[0].send(0)
        await talks[0].receive()
        for generation in (2, 3):
            talks.append(await gateway.open("a", talks[0].epoch))
            started = (await talks[-1].call.read()).started
            assert (started.generation, started.is_resumed) == (generation, True)
            assert isinstance(await ended_with(talks[-2].call), Superseded)
        talks[-1].generation = 3
        await talks[-1].send(1)
        assert (await talks[-1].receive())[0] == 1


async def test_a_drain_tells_its_sessions_and_waits_for_them() -> None:
    """A draining thinker takes no session, tells the live one how long it has, and is done when that has ended."""
    async with tiny_performer() as performer, tiny_server(performer) as server, open_channel(server.address) as channel:
        gateway = Caller(thinker_pb2_grpc.ThinkerServiceStub(channel))
        talk = await gateway.start("a")
        draining = asyncio.create_task(server.drain(20))
        go_away = (await talk.call.read()).go_away
        assert (go_away.reason, go_away.resumable) == ("DRAINING", False)
        assert 18 < go_away.time_left.ToMilliseconds() / 1e3 <= 20
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await gateway.stub.Reserve(pb.ReserveRequest(session_id="b"))
        assert isinstance(from_rpc_error(caught.value), Draining)
        assert not server.health.is_serving
        # It goes on, also over a break of its stream.
        talk.call.cancel()
        again = await gateway.open("a", talk.epoch)
        again.generation = (await again.call.read()).started.generation
        assert (await again.call.read()).go_away.reason == "DRAINING"
        await again.send(0)
        assert (await again.receive())[0] == 0
        assert not draining.done()
        await again.call.write(END)
        await to_its_end(again.call)
        async with asyncio.timeout(1):
            await draining


async def test_a_drain_that_runs_out_of_time_ends_its_sessions() -> None:
    """When the time is over a session that has not ended gets UNAVAILABLE, reason DRAINING, and the drain is done."""
    async with tiny_performer() as performer, tiny_server(performer) as server, open_channel(server.address) as channel:
        talk = await Caller(thinker_pb2_grpc.ThinkerServiceStub(channel)).start("a")
        draining = asyncio.create_task(server.drain(0.2))
        error = await ended_with(talk.call)
        assert isinstance(error, Draining)
        assert "create a new session" in str(error)
        await draining


async def bad_message(talk: Talk, case: str) -> pb.ConverseRequest:
    user = random_unit(tiny_config(), 1)
    message = user_message(user, header(talk.session_id, 1, talk.epoch))
    if case == "past":
        message.unit.header.unit_index = 0
    elif case == "nan":
        message.unit.audio.data = np.full(1280, np.nan, np.float32).tobytes()
    elif case == "shape":
        del message.unit.video.shape[:]
        message.unit.video.shape.extend([4, 16, 64, 3])
    elif case == "size":
        message.unit.audio.data = b"123"
    elif case == "generation":
        message.unit.header.generation = 2
    elif case == "epoch":
        message.unit.header.epoch += 1
    elif case == "start":
        message = pb.ConverseRequest(start=pb.ConverseStart())
    return message


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("past", "UNIT_INDEX_PAST"),
        ("nan", "NOT_FINITE"),
        ("shape", "TENSOR_SHAPE"),
        ("size", "TENSOR_SIZE"),
        ("generation", "HEADER"),
        ("epoch", "HEADER"),
        ("start", "MESSAGE"),
    ],
)
async def test_bad_units_end_their_own_session_only(case: str, reason: str) -> None:
    """A bad unit ends its stream with INVALID_ARGUMENT and a reason; a session beside it goes on unharmed."""
    expected = alone(5, lag=0, units=3)
    async with tiny_suite() as suite, caller(suite) as gateway:
        good, bad = await gateway.start("good"), await gateway.start("bad")
        await good.send(0, 5)
        assert_same(await good.receive(), expected[0])
        await bad.send(0)
        await bad.receive()
        await bad.call.write(await bad_message(bad, case))
        error = await ended_with(bad.call)
        assert isinstance(error, InvalidInput)
        assert error.reason == reason
        for k in (1, 2):
            await good.send(k, 5)
            assert_same(await good.receive(), expected[k])


@pytest.mark.parametrize(("changes", "reason"), [({"incarnation": "gone"}, "INCARNATION"), ({"epoch": 1}, "EPOCH")])
async def test_a_placement_that_is_gone_is_refused(changes: dict[str, object], reason: str) -> None:
    """A token of another incarnation or epoch gets FAILED_PRECONDITION with the reason, never another place."""
    async with tiny_suite() as suite, caller(suite) as gateway:
        reserved = await gateway.stub.Reserve(pb.ReserveRequest(session_id="a"))
        start = pb.ConverseStart(
            session_id="a", generation=1, incarnation=reserved.incarnation, epoch=reserved.epoch, seed=SEED
        )
        for name, value in changes.items():
            setattr(start, name, value)
        call = gateway.stub.Converse()
        await call.write(pb.ConverseRequest(start=start))
        error = await ended_with(call)
        assert isinstance(error, PlacementLost)
        assert error.reason == reason
        assert "create a new session" in str(error)


async def test_a_session_that_was_never_reserved_has_no_place() -> None:
    """Converse without Reserve is refused: admission cannot be bypassed."""
    async with tiny_suite() as suite, caller(suite) as gateway:
        thinker = await gateway.stub.DescribeThinker(pb.DescribeThinkerRequest())
        call = gateway.stub.Converse()
        await call.write(
            pb.ConverseRequest(start=pb.ConverseStart(session_id="x", generation=1, incarnation=thinker.incarnation))
        )
        assert isinstance(await ended_with(call), PlacementLost)


async def test_a_wrong_first_message_is_refused() -> None:
    """A unit before the start ends the stream with FIRST_MESSAGE."""
    async with tiny_suite() as suite, caller(suite) as gateway:
        call = gateway.stub.Converse()
        await call.write(user_message(random_unit(tiny_config(), 0), header("a", 0, 0)))
        error = await ended_with(call)
        assert isinstance(error, InvalidInput)
        assert error.reason == "FIRST_MESSAGE"


@pytest.mark.parametrize("standing", ["thinker", "performer"])
async def test_an_engine_that_stands_still_takes_no_new_session(standing: str) -> None:
    """Within the time of two probes: UNAVAILABLE, reason ENGINE_FROZEN; and again sessions once it moves."""
    model = StandingModel()
    async with (
        tiny_performer(load=model if standing == "performer" else None) as performer,
        tiny_thinker(performer, load=model if standing == "thinker" else None) as thinker,
        caller(TinySuite(thinker, performer)) as gateway,
    ):
        talk = await gateway.start("a")
        model.moves.clear()
        await talk.send(0)
        async with asyncio.timeout(5):
            while (refusal := await refusal_of(gateway, "b")) is None:
                await asyncio.sleep(0.1)
        assert isinstance(refusal, PeerUnavailable)
        assert refusal.reason == "ENGINE_FROZEN"
        with pytest.raises(grpc.aio.AioRpcError):
            await gateway.stub.DescribeThinker(pb.DescribeThinkerRequest())
        model.moves.set()
        async with asyncio.timeout(5):
            while await refusal_of(gateway, "c"):
                await asyncio.sleep(0.1)


async def refusal_of(gateway: Caller, session_id: str) -> WanStreamerError | None:
    """Why a thinker keeps no place for a session; None: it does."""
    try:
        await gateway.stub.Reserve(pb.ReserveRequest(session_id=session_id))
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error)
    return None


async def test_the_performers_end_is_the_sessions_end() -> None:
    """When the performer goes away in mid-conversation the thinker's stream ends with UNAVAILABLE at once."""
    async with AsyncExitStack() as stack:
        performing = AsyncExitStack()
        performer = await performing.enter_async_context(tiny_performer())
        thinker = await stack.enter_async_context(tiny_thinker(performer))
        talk = await (await stack.enter_async_context(caller(TinySuite(thinker, performer)))).start("a")
        await talk.send(0)
        await talk.receive()
        await performing.aclose()
        async with asyncio.timeout(5):
            assert isinstance(await ended_with(talk.call), PeerUnavailable)


async def test_who_comes_back_after_the_performers_end_hears_that_the_session_is_lost() -> None:
    """At once, and not only when there is a performer again: what is gone with it does not come back with it."""
    async with AsyncExitStack() as stack:
        performing = AsyncExitStack()
        performer = await performing.enter_async_context(tiny_performer())
        thinker = await stack.enter_async_context(tiny_thinker(performer))
        gateway = await stack.enter_async_context(caller(TinySuite(thinker, performer)))
        talk = await gateway.start("a")
        incarnation = (await gateway.stub.DescribeThinker(pb.DescribeThinkerRequest())).incarnation
        await performing.aclose()
        await ended_with(talk.call)
        again = gateway.stub.Converse()
        start = pb.ConverseStart(session_id="a", incarnation=incarnation, epoch=talk.epoch, generation=2)
        await again.write(pb.ConverseRequest(start=start))
        async with asyncio.timeout(5):
            lost = await ended_with(again)
        assert isinstance(lost, PlacementLost)
        assert "create a new session" in str(lost)


async def test_a_session_whose_group_is_another_one_now_is_lost() -> None:
    """When the performer is back, in a new epoch, an old token gets FAILED_PRECONDITION, reason EPOCH."""
    async with AsyncExitStack() as stack:
        performing = AsyncExitStack()
        performer = await performing.enter_async_context(tiny_performer())
        thinker = await stack.enter_async_context(tiny_thinker(performer))
        gateway = await stack.enter_async_context(caller(TinySuite(thinker, performer)))
        talk = await gateway.start("a")
        await performing.aclose()
        await ended_with(talk.call)
        await stack.enter_async_context(tiny_performer(port=int(performer.rpartition(":")[2])))
        async with asyncio.timeout(10):
            while True:
                try:
                    again = await gateway.open("a", talk.epoch)
                    break
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.05)
        lost = await ended_with(again.call)
        assert isinstance(lost, PlacementLost)
        assert (lost.reason, "create a new session" in str(lost)) == ("EPOCH", True)
