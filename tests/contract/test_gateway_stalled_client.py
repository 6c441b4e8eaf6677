"""A client that stops reading: its units are dropped and said to be, and in the end it is sent away."""

import asyncio

import pytest
from gateway_client import END, Gateway, Talk, audio_of_unit, running_gateway

from services.gateway.ledger import MAX_QUEUED_UNITS
from services.gateway.session import Session
from wan_streamer.errors import ClientGone
from wan_streamer.v1 import session_pb2 as pb
from wan_streamer.v1 import unit_pb2

SKIPPED, CLIENT_STALLED = unit_pb2.UNIT_OUTCOME_SKIPPED, unit_pb2.SKIP_REASON_CLIENT_STALLED
UNIT_COUNT = 60
# Pictures of noise: a few units fill what the network holds, long before the credit of 16 is used up.
SIDE = 160


def only_session(gateway: Gateway) -> Session:
    [session] = gateway.server.service._sessions._live()  # type: ignore[attr-defined]
    return session


async def speak_without_reading(gateway: Gateway, talk: Talk) -> None:
    """Sends all units and waits until the gateway has done with them what it can."""
    for k in range(UNIT_COUNT):
        await talk.send(audio_of_unit(k))
        await gateway.peer.until_received(talk.session_id, k + 1)
    async with asyncio.timeout(10):
        while only_session(gateway)._ledger.oldest_sent() is not None:
            await asyncio.sleep(0.01)


async def test_a_client_that_stops_reading_loses_units_and_costs_no_memory() -> None:
    """While its write blocks the gateway keeps the media of 3 units; reading on, it gets a row for every index."""
    async with running_gateway(deadline_ms=60_000) as gateway:
        gateway.peer.noise_side = SIDE
        talk = await gateway.attach(credit_units=16, pace=pb.PACE_LIVE)
        await speak_without_reading(gateway, talk)
        session = only_session(gateway)
        assert session._outbox.blocked_s(asyncio.get_running_loop().time()) > 0
        assert session.emitted_unit_count < 16, "credit held it, not the network"
        kept = [unit for unit in session._ledger._units.values() if unit.answer or unit.user_unit]
        assert len(kept) <= MAX_QUEUED_UNITS
        assert not session._intake._waiting
        await talk.send(END)
        units, _ = await talk.rest()
    assert [unit.header.unit_index for unit in units] == list(range(len(units)))
    assert len(units) >= UNIT_COUNT
    stalled = [unit for unit in units if unit.outcome == SKIPPED]
    assert {unit.skip_reason for unit in stalled} == {CLIENT_STALLED}
    assert len(stalled) >= UNIT_COUNT - 16 - MAX_QUEUED_UNITS
    assert not any(unit.video_jpeg or unit.audio_pcm_s16le for unit in stalled)


async def test_a_client_that_never_reads_again_is_sent_away() -> None:
    """Although it speaks, a client that takes nothing for `idle_seconds` is CLIENT_STALLED; its place is free."""
    async with running_gateway(deadline_ms=60_000, idle_seconds=0.5) as gateway:
        gateway.peer.noise_side = SIDE
        talk = await gateway.attach(credit_units=16, pace=pb.PACE_LIVE)
        await speak_without_reading(gateway, talk)

        async def speak_on() -> None:
            for k in range(UNIT_COUNT, 10 * UNIT_COUNT):
                await talk.send(audio_of_unit(k))
                await asyncio.sleep(0.16)

        speaking = asyncio.create_task(speak_on())
        await gateway.peer.until_live(0)
        speaking.cancel()
        failure = await talk.failure()
        assert (type(failure), failure.reason) == (ClientGone, "CLIENT_STALLED")
        assert gateway.session_count() == 0


async def test_a_client_that_reads_too_slowly_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the rows of skipped units gather without end: a client that falls too far behind is CLIENT_STALLED."""
    monkeypatch.setattr("services.gateway.watchdog.MAX_OPEN_UNITS", 20)
    async with running_gateway(deadline_ms=60_000) as gateway:
        gateway.peer.noise_side = SIDE
        talk = await gateway.attach(credit_units=16, pace=pb.PACE_LIVE)
        for k in range(UNIT_COUNT):
            await talk.send(audio_of_unit(k))
        await gateway.peer.until_live(0)
        failure = await talk.failure()
        assert (type(failure), failure.reason) == (ClientGone, "CLIENT_STALLED")
