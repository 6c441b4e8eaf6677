"""A performer group behind the whole suite, and as a process of its own."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.faults import RankModel, any_alive, formed_group
from tests.support.otlp import otlp_receiver
from tests.support.suite import tiny_gateway, tiny_performer, tiny_thinker
from wan_streamer.client import AudioFormat, Session, Unit, VideoFormat, connect
from wan_streamer.errors import PlacementLost
from wan_streamer.media.jpeg import encode_jpeg
from wan_streamer.rpc.channel import open_channel
from wan_streamer.unit import FRAMES_PER_SECOND, FRAMES_PER_UNIT, UNIT_MS

RATE_HZ = 16_000
AUDIO, VIDEO = AudioFormat(sample_rate_hz=RATE_HZ, channel_count=1), VideoFormat(frame_rate_hz=FRAMES_PER_SECOND)
UNITS = 4


async def say_unit(session: Session, random: np.random.Generator) -> None:
    """160 ms of noise to hear and see."""
    await session.send_audio(random.integers(-5000, 5000, RATE_HZ * UNIT_MS // 1000).astype(np.int16))
    for _ in range(FRAMES_PER_UNIT):
        await session.send_frame(encode_jpeg(random.integers(0, 256, (48, 64, 3), dtype=np.uint8)))


async def converse(gateway: str) -> list[tuple[int, bytes, bytes, str]]:
    """A whole conversation at media pace: the bits of every unit."""
    random = np.random.default_rng(1)
    async with connect(gateway, audio=AUDIO, video=VIDEO, pace="media", seed=1) as session:
        for _ in range(UNITS):
            await say_unit(session, random)
        await session.end()
        units = [event async for event in session if isinstance(event, Unit)]
    return [(unit.unit_index, unit.audio.tobytes(), unit.frames.tobytes(), unit.text) for unit in units]


async def lose(gateway: str, process_id: int) -> None:
    """A conversation during which a process is killed, after its first answer."""
    random = np.random.default_rng(1)
    async with connect(gateway, audio=AUDIO, video=VIDEO, pace="media", seed=1) as session:
        await say_unit(session, random)
        await say_unit(session, random)
        async for event in session:
            if isinstance(event, Unit) and event.unit_index == 0:
                os.kill(process_id, signal.SIGKILL)


async def test_a_client_is_told_that_its_place_is_lost_and_can_come_again(tmp_path: Path) -> None:
    """When a rank dies, the client of a live conversation gets PlacementLost (EPOCH) through all services, with nothing
    torn before; as soon as the group has formed, a new session converses as ever."""
    load = RankModel(folder=tmp_path)
    async with (
        tiny_performer(ranks=2, load=load) as performer,
        tiny_thinker(performer) as thinker,
        tiny_gateway(thinker) as gateway,
    ):
        expected = await converse(gateway)
        assert [index for index, *_ in expected] == list(range(UNITS))
        with pytest.raises(PlacementLost) as caught:
            await lose(gateway, load.process_id(1))
        assert caught.value.reason == "EPOCH"
        assert "create a new session" in str(caught.value)
        async with asyncio.timeout(30), open_channel(performer) as channel:
            await formed_group(channel)
        assert await converse(gateway) == expected


async def test_each_units_trace_says_what_each_rank_did(tmp_path: Path) -> None:
    """Solver steps and clean pass of both ranks, below the performer's span of the unit and within its time."""
    with otlp_receiver() as (received, endpoint):
        async with (
            tiny_performer(ranks=2, load=RankModel(folder=tmp_path), otlp_endpoint=endpoint) as performer,
            tiny_thinker(performer) as thinker,
            tiny_gateway(thinker) as gateway,
        ):
            await converse(gateway)
    spans = {span.span_id: span for _, span in received.spans if span.name.startswith("performer.")}
    units = [span for span in spans.values() if span.name == "performer.unit"]
    assert len(units) == UNITS
    for stage in ("solve", "clean"):
        parts = [span for span in spans.values() if span.name == f"performer.rank.{stage}"]
        ranks = {(part.trace_id, rank_of(part)) for part in parts}
        assert ranks == {(unit.trace_id, rank) for unit in units for rank in range(2)}
        for part in parts:
            unit = spans[part.parent_span_id]
            assert unit.name == "performer.unit"
            assert unit.start_time_unix_nano < part.start_time_unix_nano < part.end_time_unix_nano
            assert part.end_time_unix_nano < unit.end_time_unix_nano


def rank_of(span: Span) -> int:
    """Which rank of its group a span is of."""
    return next(item.value.int_value for item in span.attributes if item.key == "rank")


def descendants(process_id: int) -> Iterator[int]:
    """Processes that a process has started, and those that these have."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == process_id:
            child = int(stat.parent.name)
            yield child
            yield from descendants(child)


@pytest.mark.long
async def test_a_service_of_nano_on_two_ranks_recovers_and_leaves_nothing_behind() -> None:
    """`python -m services.performer --ranks 2`: frozen ranks are replaced in under 5 s, and a service that is killed
    takes its ranks with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.performer",
        "--ranks",
        "2",
        "--max-sessions",
        "1",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    left: set[int] = set()
    try:
        async with asyncio.timeout(100):
            ready = (await process.stdout.readline()).decode().split()
        async with open_channel(ready[3]) as channel:
            first = await formed_group(channel)
            assert first.rank_count == 2
            # The fork server's children are the ranks; they are the only ones two steps down.
            children = set(descendants(process.pid))
            ranks = sorted(each for child in children for each in descendants(child))
            assert len(ranks) == 2
            os.kill(ranks[0], signal.SIGSTOP)
            struck_s = time.monotonic()
            while (await formed_group(channel)).epoch == first.epoch:
                await asyncio.sleep(0.02)
            assert time.monotonic() - struck_s < 5
            assert not any_alive(ranks)
        left = set(descendants(process.pid))
        assert len(left) >= 3
    finally:
        process.kill()
        await process.wait()
    async with asyncio.timeout(30):
        while any_alive(left):
            await asyncio.sleep(0.05)
