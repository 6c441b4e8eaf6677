"""Conversations that outlive their gateway: what the SDK's user gets, over the real services with the tiny model."""

from __future__ import annotations

import asyncio
import functools
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np

from services.gateway.config import GatewayConfig
from services.gateway.service import build_gateway
from tests.support.suite import tiny_performer, tiny_server, tiny_suite
from wan_streamer.client import (
    AttachOutcome,
    AudioFormat,
    Ended,
    Event,
    GoAway,
    Resumed,
    Session,
    SkipReason,
    Unit,
    connect,
)
from wan_streamer.rpc.server import RunningServer, started
from wan_streamer.unit import UNIT_MS

RATE_HZ = 16_000
AUDIO = AudioFormat(sample_rate_hz=RATE_HZ, channel_count=1)
UNIT_COUNT = 12
BREAK_AT = 4


@asynccontextmanager
async def gateway(thinker: str, key: Path) -> AsyncIterator[RunningServer]:
    """A replica in this process."""
    config = GatewayConfig(thinker=(thinker,), token_key_file=key, log_level="warning", deadline_ms=60_000)
    async with started("gateway", config, functools.partial(build_gateway, config)) as server:
        yield server


@asynccontextmanager
async def gateway_process(thinker: str, key: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A replica as a process of its own, and its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.gateway", "--thinker", thinker, "--token-key-file", str(key),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            ready = (await process.stdout.readline()).decode().split()
        assert ready[:3] == ["gateway", "ready", "on"], ready
        yield process, ready[3]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def make_key(folder: Path) -> Path:
    key = folder / "key"
    key.write_text("k" * 32)
    return key


async def speak(session: Session) -> None:
    """Seeded noise in pieces of a quarter of a unit, then the end."""
    random = np.random.default_rng(1)
    for _ in range(4 * UNIT_COUNT):
        await session.send_audio(random.integers(-5000, 5000, RATE_HZ * UNIT_MS // 4000).astype(np.int16))
    await session.end()


async def converse(addresses: list[str], at_break: asyncio.Event | None = None) -> tuple[list[Event], int]:
    """A whole conversation, and how many units it missed; sets `at_break` in its middle."""
    events: list[Event] = []
    async with (
        asyncio.timeout(60),
        connect(addresses, audio=AUDIO, pace="media", seed=3) as session,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(speak(session))
        async for event in session:
            events.append(event)
            if at_break is not None and isinstance(event, Unit) and event.unit_index == BREAK_AT:
                at_break.set()
        return events, session.missed_unit_count


def units(events: list[Event]) -> list[Unit]:
    return [event for event in events if isinstance(event, Unit)]


def bits(events: list[Event]) -> list[tuple[int, bytes, bytes, str]]:
    return [(unit.unit_index, unit.audio.tobytes(), unit.frames.tobytes(), unit.text) for unit in units(events)]


async def test_a_gateway_that_is_killed_costs_a_conversation_no_bit(tmp_path: Path) -> None:
    """SIGKILL in mid-conversation: the SDK goes on at the other replica, and at media pace nobody could tell."""
    key = make_key(tmp_path)
    async with (
        tiny_suite() as suite,
        gateway_process(suite.thinker, key) as (process, first),
        gateway(suite.thinker, key) as second,
    ):
        whole, _ = await converse([second.address])
        at_break = asyncio.Event()
        talking = asyncio.create_task(converse([first, second.address], at_break=at_break))
        await at_break.wait()
        process.send_signal(signal.SIGKILL)
        broken, missed_count = await talking
    assert bits(broken) == bits(whole)
    assert [unit.unit_index for unit in units(broken)] == list(range(UNIT_COUNT))
    (resumed,) = [event for event in broken if isinstance(event, Resumed)]
    assert (resumed.attached.outcome, resumed.attached.generation) == (AttachOutcome.FULL, 2)
    assert missed_count == 0
    assert broken[-1] == Ended(unit_count=UNIT_COUNT)


async def test_a_gateway_that_drains_is_left_without_a_gap(tmp_path: Path) -> None:
    """On GoAway the SDK moves while the old stream goes on; the drain is over long before its time."""
    key = make_key(tmp_path)
    async with (
        tiny_suite() as suite,
        gateway(suite.thinker, key) as first,
        gateway(suite.thinker, key) as second,
    ):
        whole, _ = await converse([second.address])
        at_break = asyncio.Event()
        talking = asyncio.create_task(converse([first.address, second.address], at_break=at_break))
        await at_break.wait()
        async with asyncio.timeout(10):
            await first.drain(30)
        moved, missed_count = await talking
    assert bits(moved) == bits(whole)
    assert missed_count == 0
    (away,) = [event for event in moved if isinstance(event, GoAway)]
    assert (away.reason, away.resumable) == ("DRAINING", True)
    assert len([event for event in moved if isinstance(event, Resumed)]) == 1


@asynccontextmanager
async def balancer(target: list[str]) -> AsyncIterator[str]:
    """One address in front of replicas: each new connection goes to the one that `target` holds then."""
    piping = set[asyncio.Task[None]]()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target[0].rpartition(":")
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        piping.update(asyncio.create_task(pipe(*ends)) for ends in ((reader, inner_writer), (inner_reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"{host}:{port}"
    finally:
        server.close()
        for task in piping:
            task.cancel()
        await asyncio.gather(*piping, return_exceptions=True)


async def test_behind_one_address_a_gateway_that_drains_is_left(tmp_path: Path) -> None:
    """On GoAway the SDK connects anew, though the address is the same: a load balancer then leads elsewhere."""
    key = make_key(tmp_path)
    async with (
        tiny_suite() as suite,
        gateway(suite.thinker, key) as first,
        gateway(suite.thinker, key) as second,
    ):
        target = [first.address]
        async with balancer(target) as address:
            at_break = asyncio.Event()
            talking = asyncio.create_task(converse([address], at_break=at_break))
            await at_break.wait()
            target[0] = second.address
            async with asyncio.timeout(10):
                await first.drain(30)
            events, missed_count = await talking
    assert len([event for event in events if isinstance(event, Resumed)]) == 1
    assert missed_count == 0
    assert events[-1] == Ended(unit_count=UNIT_COUNT)


async def speak_until(session: Session, is_enough: asyncio.Event) -> None:
    """Noise at the pace of a microphone, whatever becomes of the stream."""
    while not is_enough.is_set():
        await asyncio.sleep(UNIT_MS / 4000)
        await session.send_audio(np.ones(RATE_HZ * UNIT_MS // 4000, np.int16))
    await session.end()


async def test_live_what_a_break_costs_is_counted(tmp_path: Path) -> None:
    """Live, a gateway that is gone for a while costs the units of that time; each is said, once, and counted."""
    key = make_key(tmp_path)
    got: list[Unit] = []
    is_enough = asyncio.Event()
    async with tiny_suite() as suite, gateway(suite.thinker, key) as second, AsyncExitStack() as dying:
        first = await dying.enter_async_context(gateway(suite.thinker, key))
        # Nobody listens at the second address: it takes a while until the third one is tried.
        addresses = [first.address, "127.0.0.1:1", second.address]
        async with connect(addresses, audio=AUDIO, seed=3) as session, asyncio.TaskGroup() as tasks:
            tasks.create_task(speak_until(session, is_enough))
            async for event in session:
                if isinstance(event, Unit):
                    got.append(event)
                    if event.unit_index == BREAK_AT:
                        await first.grpc_server.stop(0)
                    if session.missed_unit_count and not event.is_skipped:
                        is_enough.set()
            missed = [unit.unit_index for unit in got if unit.skip_reason is SkipReason.DETACHED]
            assert len(missed) == session.missed_unit_count > 0
    assert [unit.unit_index for unit in got] == list(range(len(got)))
    assert missed == list(range(missed[0], missed[-1] + 1))


async def test_a_thinker_that_drains_says_so_to_the_user(tmp_path: Path) -> None:
    """The thinker's GoAway reaches the SDK: there is nowhere to go, and the conversation ends in its time."""
    key = make_key(tmp_path)
    async with (
        tiny_performer() as performer,
        tiny_server(performer) as thinker,
        gateway(thinker.address, key) as only,
    ):
        at_break = asyncio.Event()
        talking = asyncio.create_task(converse([only.address], at_break=at_break))
        await at_break.wait()
        async with asyncio.timeout(20):
            await thinker.drain(20)
        events, _ = await talking
    (away,) = [event for event in events if isinstance(event, GoAway)]
    assert (away.reason, away.resumable) == ("DRAINING", False)
    assert events[-1] == Ended(unit_count=UNIT_COUNT)
