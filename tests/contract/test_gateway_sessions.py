"""The life of sessions on the gateway: admission, attach, replacement, drain, leaving, and what bad clients get."""

import asyncio
from pathlib import Path

import pytest
from gateway_client import END, audio_of_unit, running_gateway
from thinker_peer import ThinkerPeer

from wan_streamer.errors import (
    CapacityExhausted,
    ClientGone,
    Draining,
    EngineFault,
    InvalidInput,
    PeerUnavailable,
    PlacementLost,
    Superseded,
)
from wan_streamer.v1 import session_pb2 as pb
from wan_streamer.v1 import unit_pb2

KEY = "k" * 32


async def test_admission_is_the_thinkers_and_says_when_to_come_back() -> None:
    """Beyond the thinker's capacity a client gets RESOURCE_EXHAUSTED with RetryInfo; nothing is remembered of it."""
    peer = ThinkerPeer()
    peer.capacity = 1
    async with running_gateway(peer=peer) as gateway:
        first = await gateway.create("a")
        assert first.limits.max_frame_bytes == 2_000_000
        with pytest.raises(CapacityExhausted) as refusal:
            await gateway.create("b")
        assert (refusal.value.reason, refusal.value.retry_after_s) == ("CAPACITY_EXHAUSTED", 1.5)
        peer.reserved.clear()
        assert (await gateway.create("b")).session_id != first.session_id


async def test_the_same_request_id_is_the_same_session() -> None:
    """Repeated and simultaneous calls with one request id take one place; another seed under it is refused."""
    async with running_gateway() as gateway:
        answers = await asyncio.gather(*(gateway.create("a", seed=3) for _ in range(3)))
        assert answers[0] == answers[1] == answers[2] == await gateway.create("a", seed=3)
        assert len(gateway.peer.reserved) == 1
        with pytest.raises(InvalidInput) as refusal:
            await gateway.create("a", seed=4)
        assert refusal.value.reason == "REQUEST_ID_REUSED"
        for request_id in ("", "x" * 65):
            with pytest.raises(InvalidInput) as refusal:
                await gateway.create(request_id)
            assert refusal.value.reason == "REQUEST_ID"


async def test_the_placement_in_the_token_reaches_the_thinker() -> None:
    """What CreateSession was told and drew arrives with the start: seed, incarnation, epoch, generation, a trace."""
    async with running_gateway() as gateway:
        created = await gateway.create("a", seed=2**64 - 1)
        await gateway.attach_to(created.session_id, created.resume_token)
        start = gateway.peer.live[created.session_id]
        assert (start.seed, start.incarnation, start.epoch, start.generation) == (2**64 - 1, "peer-1", 7, 1)
        assert start.traceparent.startswith("00-")


async def test_any_gateway_with_the_key_takes_a_token(tmp_path: Path) -> None:
    """A session that one gateway admitted can be attached on another one from its token alone."""
    key = tmp_path / "key"
    key.write_text(KEY)
    peer = ThinkerPeer()
    async with (
        running_gateway(peer=peer, token_key_file=key) as one,
        running_gateway(peer=peer, token_key_file=key) as other,
    ):
        created = await one.create("a")
        talk = await other.attach_to(created.session_id, created.resume_token)
        await talk.send(audio_of_unit(0), END)
        units, _ = await talk.rest()
    assert [unit.header.session_id for unit in units] == [created.session_id]


async def test_a_stream_that_ends_before_attach_is_refused() -> None:
    """A half-close or silence instead of Attach ends the stream with a reason."""
    async with running_gateway(idle_seconds=0.2) as gateway:
        closed = await gateway.connect()
        await closed.stream.end()
        assert (await closed.failure()).reason == "ATTACH_FIRST"
        silent = await gateway.connect()
        failure = await silent.failure()
        assert (type(failure), failure.reason) == (ClientGone, "CLIENT_IDLE")


async def test_the_newest_attach_wins() -> None:
    """The older stream gets GoAway REPLACED and ABORTED; the newer one has the session, whole."""
    async with running_gateway() as gateway:
        old = await gateway.attach("a")
        new = await gateway.attach_to(old.session_id, old.attached.resume_token)
        assert (new.attached.outcome, new.attached.generation) == (pb.ATTACH_OUTCOME_FULL, 2)
        go_away = (await old.read()).go_away
        assert (go_away.reason, go_away.resumable) == ("REPLACED", False)
        assert type(await old.failure()) is Superseded
        await new.send(audio_of_unit(0), END)
        assert len((await new.rest())[0]) == 1
        await gateway.peer.until_live(0)


async def test_a_bad_attach_replaces_nobody() -> None:
    """Who has no right to a session, or asks for what is not offered, does not push its client out."""
    async with running_gateway() as gateway:
        talk = await gateway.attach("a", credit_units=1)
        with pytest.raises(InvalidInput):
            await gateway.attach_to(talk.session_id, "not its token")
        with pytest.raises(InvalidInput):
            await gateway.attach_to(talk.session_id, talk.token, credit_units=99)
        await talk.send(audio_of_unit(0), END)
        assert len((await talk.rest())[0]) == 1


async def test_a_session_that_is_over_cannot_be_attached_again() -> None:
    """After the end there is no state, so that a later attach gets FAILED_PRECONDITION and what to do."""
    async with running_gateway() as gateway:
        talk = await gateway.attach("a")
        await talk.send(END)
        await talk.rest()
        with pytest.raises(PlacementLost, match="create a new session"):
            await gateway.attach_to(talk.session_id, talk.attached.resume_token)


async def test_a_thinker_that_restarted_has_lost_its_sessions() -> None:
    """A token of an incarnation that is gone gets FAILED_PRECONDITION, never another thinker without a word."""
    async with running_gateway() as gateway:
        created = await gateway.create("a")
        gateway.peer.incarnation = "peer-2"
        await gateway.server.service.probe()
        with pytest.raises(PlacementLost) as refusal:
            await gateway.attach_to(created.session_id, created.resume_token)
        assert refusal.value.reason == "PLACEMENT_LOST"


async def test_a_client_that_vanishes_leaves_nothing_here() -> None:
    """A stream that breaks ends the thinker's stream and takes the session off the count; the next one is served."""
    async with running_gateway() as gateway:
        gateway.peer.answering.clear()
        talks = [await gateway.attach(f"r{n}", pace=pb.PACE_LIVE) for n in range(3)]
        for talk in talks:
            await talk.send(audio_of_unit(0), audio_of_unit(1))
        await gateway.peer.until_live(3)
        assert gateway.session_count() == 3
        for talk in talks:
            talk.stream.cancel()
        await gateway.peer.until_live(0)
        gateway.peer.answering.set()
        talk = await gateway.attach("next")
        assert gateway.session_count() == 1
        await talk.send(audio_of_unit(0), END)
        assert len((await talk.rest())[0]) == 1


async def test_a_drain_lets_live_sessions_finish() -> None:
    """Draining refuses new sessions and streams, tells the live ones how long they have, and waits for them."""
    async with running_gateway() as gateway:
        talk = await gateway.attach("a")
        draining = asyncio.create_task(gateway.server.drain(30))
        go_away = (await talk.read()).go_away
        assert (go_away.reason, go_away.time_left.seconds, go_away.resumable) == ("DRAINING", 30, False)
        with pytest.raises(Draining):
            await gateway.create("b")
        with pytest.raises(Draining):
            await gateway.attach_to(talk.session_id, talk.token)
        await talk.send(audio_of_unit(0), END)
        units, others = await talk.rest()
        assert (len(units), others[-1].ended.unit_count) == (1, 1)
        await draining


async def test_a_drain_that_runs_out_of_time_closes_in_order() -> None:
    """When the time is up every unit that was cut still gets its row, then Ended and OK."""
    async with running_gateway() as gateway:
        gateway.peer.answering.clear()
        talk = await gateway.attach("a")
        await talk.send(audio_of_unit(0), audio_of_unit(1))
        draining = asyncio.create_task(gateway.server.drain(0.5))
        units, others = await talk.rest(plays=False)
        await draining
    assert [unit.header.unit_index for unit in units] == [0, 1]
    assert {unit.skip_reason for unit in units} == {unit_pb2.SKIP_REASON_DETACHED}
    assert (others[0].go_away.reason, others[1].ended.unit_count) == ("DRAINING", 2)


async def test_one_failed_unit_is_skipped_and_the_conversation_goes_on() -> None:
    """A unit that the thinker skips, passes over or sends broken is SKIPPED as ENGINE_FAULT; the others are whole."""
    peer = ThinkerPeer()
    peer.trouble = {1: "skip", 2: "silence", 3: "bad tensor"}
    async with running_gateway(peer=peer) as gateway:
        talk = await gateway.attach()
        await talk.send(*(audio_of_unit(k) for k in range(6)), END)
        units, _ = await talk.rest()
    assert [unit.header.unit_index for unit in units] == list(range(6))
    fault = unit_pb2.SKIP_REASON_ENGINE_FAULT
    assert [unit.skip_reason for unit in units] == [0, fault, fault, fault, 0, 0]


@pytest.mark.parametrize("error", [EngineFault("the solver failed"), PeerUnavailable("the performer is gone")])
async def test_a_failure_of_the_thinker_reaches_the_client_unchanged(error) -> None:
    """The error that ends the thinker's stream ends the client's, with class, reason and words."""
    peer = ThinkerPeer()
    peer.trouble = {2: error}
    async with running_gateway(peer=peer) as gateway:
        talk = await gateway.attach()
        await talk.send(*(audio_of_unit(k) for k in range(4)))
        failure = await talk.failure()
    assert (type(failure), failure.reason, str(failure)) == (type(error), error.reason, str(error))


async def test_a_thinker_that_stands_still_is_given_up() -> None:
    """A thinker that owes an answer for too long ends the session as UNAVAILABLE instead of a silence without end."""
    async with running_gateway(thinker_seconds=0.5) as gateway:
        gateway.peer.answering.clear()
        talk = await gateway.attach()
        await talk.send(audio_of_unit(0))
        failure = await talk.failure()
        assert (type(failure), failure.reason) == (PeerUnavailable, "THINKER_STALLED")
