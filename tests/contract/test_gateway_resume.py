"""Sessions that outlive their stream: on which gateway ever, no unit comes twice and none is missing without a word."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from gateway_client import END, Gateway, audio_of_unit, playout, running_gateway
from thinker_peer import ThinkerPeer

from wan_streamer.errors import Draining, InvalidInput, PlacementLost
from wan_streamer.unit import UNIT_US
from wan_streamer.v1 import session_pb2 as pb
from wan_streamer.v1 import unit_pb2

LEAVE = pb.ConnectRequest(leave=pb.Leave())


@asynccontextmanager
async def two_gateways(peer: ThinkerPeer, folder: Path, **options: object) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two replicas with one key in front of one thinker."""
    key = folder / "key"
    key.write_text("k" * 32)
    async with (
        running_gateway(peer=peer, token_key_file=key, **options) as one,
        running_gateway(peer=peer, token_key_file=key, **options) as other,
    ):
        yield one, other


def indices(units: list[unit_pb2.AgentUnit]) -> list[int]:
    return [unit.header.unit_index for unit in units]


async def test_a_broken_stream_goes_on_at_another_gateway(tmp_path: Path) -> None:
    """From the token alone the other replica gives what the client lacks, once, and the rest of the conversation."""
    peer = ThinkerPeer()
    async with two_gateways(peer, tmp_path) as (one, other):
        talk = await one.attach()
        await talk.send(*(audio_of_unit(k) for k in range(3)))
        assert indices(await talk.units(3)) == [0, 1, 2]
        talk.stream.cancel()
        await peer.until_live(0)
        # Unit 2 was lost on the way.
        again = await other.attach_to(talk.session_id, talk.attached.resume_token, last_received_unit_index=1)
        attached = again.attached
        assert (attached.outcome, attached.generation, attached.first_unit_index) == (pb.ATTACH_OUTCOME_FULL, 2, 2)
        await again.send(*(audio_of_unit(k) for k in range(3, 6)), END)
        units, others = await again.rest()
        assert indices(units) == [2, 3, 4, 5]
        assert [unit.text for unit in units] == ["2 ", "3 ", "4 ", "5 "]
        assert {unit.header.generation for unit in units} == {2}
        assert others[-1].ended.unit_count == 6
        assert [unit.header.unit_index for unit in peer.received[talk.session_id]] == list(range(6))
        assert peer.committed == {talk.session_id}


async def test_media_that_is_sent_again_is_heard_once(tmp_path: Path) -> None:
    """At media pace a client may send again what it sent before the break: units that were taken are not cut anew."""
    peer = ThinkerPeer()
    async with two_gateways(peer, tmp_path) as (one, other):
        talk = await one.attach()
        await talk.send(*(audio_of_unit(k, value=100 * k) for k in range(3)))
        await talk.units(3)
        talk.stream.cancel()
        await peer.until_live(0)
        again = await other.attach_to(talk.session_id, talk.attached.resume_token, last_received_unit_index=2)
        await again.send(*(audio_of_unit(k, value=100 * k) for k in range(1, 5)), END)
        units, _ = await again.rest()
    assert indices(units) == [3, 4]
    assert [unit.header.unit_index for unit in peer.received[talk.session_id]] == list(range(5))
    assert not any(unit.user_media_loss.audio_lost for unit in units)


async def test_live_the_time_without_a_client_is_declared(tmp_path: Path) -> None:
    """Live, units of the time without a client are SKIPPED as DETACHED, and the model hears what is said now."""
    peer = ThinkerPeer()
    async with two_gateways(peer, tmp_path, deadline_ms=60_000) as (one, other):
        talk = await one.attach(pace=pb.PACE_LIVE)
        await talk.send(audio_of_unit(0), audio_of_unit(1))
        await talk.units(2)
        talk.stream.cancel()
        await peer.until_live(0)
        again = await other.attach_to(
            talk.session_id, talk.attached.resume_token, last_received_unit_index=1, pace=pb.PACE_LIVE
        )
        await again.send(audio_of_unit(5), END)
        units, others = await again.rest()
    assert indices(units) == [2, 3, 4, 5]
    assert [unit.skip_reason for unit in units] == [unit_pb2.SKIP_REASON_DETACHED] * 3 + [0]
    starts_us = [unit.header.capture_time_unix_us for unit in units]
    assert [later - earlier for earlier, later in itertools.pairwise(starts_us)] == [UNIT_US] * 3
    assert others[-1].ended.unit_count == 6
    assert [unit.header.unit_index for unit in peer.received[talk.session_id]] == [0, 1, 5]


async def test_an_answer_that_is_kept_no_longer_is_declared(tmp_path: Path) -> None:
    """Of units that the thinker took and can answer no more the client gets SKIPPED, reason DETACHED."""
    peer = ThinkerPeer()
    async with two_gateways(peer, tmp_path) as (one, other):
        talk = await one.attach()
        await talk.send(*(audio_of_unit(k) for k in range(3)))
        await talk.units(3)
        talk.stream.cancel()
        await peer.until_live(0)
        del peer.kept[talk.session_id][:2]
        again = await other.attach_to(talk.session_id, talk.attached.resume_token, last_received_unit_index=0)
        units = await again.units(2)
    assert indices(units) == [1, 2]
    assert [unit.skip_reason for unit in units] == [unit_pb2.SKIP_REASON_DETACHED, 0]


@pytest.mark.parametrize("last_received", [600, 2**63])
async def test_a_client_that_has_what_was_never_sent_is_refused(last_received: int, tmp_path: Path) -> None:
    """An impossible last_received_unit_index ends the stream with LAST_RECEIVED, and the session is still there."""
    async with two_gateways(ThinkerPeer(), tmp_path) as (one, other):
        talk = await one.attach()
        with pytest.raises(InvalidInput) as refusal:
            await other.attach_to(talk.session_id, talk.token, last_received_unit_index=last_received)
        assert refusal.value.reason == "LAST_RECEIVED"
        await other.attach_to(talk.session_id, talk.token)


async def test_a_client_that_says_that_it_leaves_frees_its_place() -> None:
    """Leave ends the session at once, with OK and whatever is on its way, and nobody can attach to it again."""
    async with running_gateway() as gateway:
        talk = await gateway.attach()
        await talk.send(audio_of_unit(0), LEAVE)
        units, _ = await talk.rest()
        assert len(units) <= 1
        assert gateway.peer.committed == {talk.session_id}
        with pytest.raises(PlacementLost):
            await gateway.attach_to(talk.session_id, talk.token)


async def test_a_client_that_sends_nonsense_keeps_no_place() -> None:
    """After INVALID_ARGUMENT there is nothing to come back to: the session is over."""
    async with running_gateway() as gateway:
        talk = await gateway.attach()
        await talk.send(playout(7))
        assert (await talk.failure()).reason == "PLAYOUT_AHEAD"
        assert gateway.peer.committed == {talk.session_id}


async def test_a_drain_sends_clients_to_other_gateways(tmp_path: Path) -> None:
    """GoAway says that the session can go on elsewhere, an attach there takes it over, and the drain is done."""
    peer = ThinkerPeer()
    async with two_gateways(peer, tmp_path) as (one, other):
        talk = await one.attach()
        await talk.send(audio_of_unit(0))
        await talk.units(1)
        draining = asyncio.create_task(one.server.drain(30))
        go_away = (await talk.read()).go_away
        assert (go_away.reason, go_away.resumable) == ("DRAINING", True)
        again = await other.attach_to(talk.session_id, talk.attached.resume_token, last_received_unit_index=0)
        # A real thinker ends the older stream; here the client closes it.
        talk.stream.cancel()
        async with asyncio.timeout(2):
            await draining
        await again.send(audio_of_unit(1), END)
        assert indices((await again.rest())[0]) == [1]


async def test_a_drain_out_of_time_ends_streams_and_not_sessions(tmp_path: Path) -> None:
    """A client that stays gets UNAVAILABLE at the end of the drain; its session waits for it at the thinker."""
    peer = ThinkerPeer()
    async with two_gateways(peer, tmp_path) as (one, other):
        talk = await one.attach()
        await talk.send(audio_of_unit(0))
        await one.server.drain(0.2)
        assert type(await talk.failure()) is Draining
        again = await other.attach_to(talk.session_id, talk.attached.resume_token)
        assert again.attached.outcome == pb.ATTACH_OUTCOME_FULL


async def test_the_thinkers_go_away_reaches_the_client() -> None:
    """What the thinker says of its own end the client hears as it was said: there is no elsewhere."""
    peer = ThinkerPeer()
    peer.go_away = pb.GoAway(reason="DRAINING", resumable=False)
    peer.go_away.time_left.FromSeconds(17)
    async with running_gateway(peer=peer) as gateway:
        talk = await gateway.attach()
        assert (await talk.read()).go_away == peer.go_away
