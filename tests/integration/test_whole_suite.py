"""Gateway, thinker and performer together, with the tiny model: traces, isolation and what bad clients get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from tests.support.otlp import otlp_receiver
from tests.support.suite import tiny_gateway, tiny_suite
from wan_streamer.client import AudioFormat, Session, Unit, VideoFormat, connect
from wan_streamer.errors import CapacityExhausted, InvalidInput, WanStreamerError
from wan_streamer.media.jpeg import encode_jpeg
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.stream import ClientStream
from wan_streamer.unit import FRAMES_PER_SECOND, FRAMES_PER_UNIT, UNIT_MS
from wan_streamer.v1 import session_pb2, session_pb2_grpc

RATE_HZ = 16_000
AUDIO, VIDEO = AudioFormat(sample_rate_hz=RATE_HZ, channel_count=1), VideoFormat(frame_rate_hz=FRAMES_PER_SECOND)
UNITS = 6


@asynccontextmanager
async def suite(*, max_sessions: int = 4, otlp_endpoint: str | None = None) -> AsyncIterator[str]:
    """All three services; the gateway's address."""
    async with (
        tiny_suite(max_sessions=max_sessions, otlp_endpoint=otlp_endpoint) as inner,
        tiny_gateway(inner.thinker, otlp_endpoint=otlp_endpoint) as gateway,
    ):
        yield gateway


async def say(session: Session, seed: int, units: int = UNITS) -> None:
    """Sends seeded noise and pictures, then ends."""
    random = np.random.default_rng(seed)
    for _ in range(units):
        await session.send_audio(random.integers(-5000, 5000, RATE_HZ * UNIT_MS // 1000).astype(np.int16))
        for _ in range(FRAMES_PER_UNIT):
            await session.send_frame(encode_jpeg(random.integers(0, 256, (48, 64, 3), dtype=np.uint8)))
    await session.end()


async def converse(address: str, seed: int) -> list[Unit]:
    """A whole conversation at media pace."""
    async with (
        connect(address, audio=AUDIO, video=VIDEO, pace="media", seed=seed) as session,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(say(session, seed))
        return [event async for event in session if isinstance(event, Unit)]


def bits(units: list[Unit]) -> list[tuple[int, bytes, bytes, str]]:
    return [(unit.unit_index, unit.audio.tobytes(), unit.frames.tobytes(), unit.text) for unit in units]


async def test_every_unit_is_one_trace_of_three_services_linked_to_its_session() -> None:
    """A collector gets one trace a unit, with spans of gateway, thinker and performer under one root, and the link."""
    with otlp_receiver() as (receiver, endpoint):
        async with suite(otlp_endpoint=endpoint) as gateway:
            units = await converse(gateway, 1)
        # Leaving the services has flushed what they had.
        roots = [span for service, span in receiver.spans if span.name == "unit"]
        assert len(units) == UNITS
        assert len({root.trace_id for root in roots}) == len(roots) == UNITS
        sessions = {span.span_id for _, span in receiver.spans if span.name == "session"}
        for root in roots:
            assert root.links[0].span_id in sessions
            of_unit = [(service, span) for service, span in receiver.spans if span.trace_id == root.trace_id]
            index = next(item.value.int_value for item in root.attributes if item.key == "unit.index")
            assert {service for service, _ in of_unit} == {"gateway", "thinker", "performer"}, index
            known = {span.span_id for _, span in of_unit}
            assert all(span.parent_span_id in known for _, span in of_unit if span is not root)
            names = {span.name for _, span in of_unit}
            assert {"gateway.cut", "thinker.state", "thinker.decode", "performer.solve", "performer.clean"} <= names


async def test_interleaved_conversations_equal_each_alone() -> None:
    """Two clients at once get, through all three services, the bits that each gets alone."""
    async with suite() as gateway:
        alone = [bits(await converse(gateway, seed)) for seed in (1, 2)]
        together = await asyncio.gather(*(converse(gateway, seed) for seed in (1, 2)))
    assert [bits(units) for units in together] == alone
    assert alone[0] != alone[1]


async def test_the_same_seed_and_media_give_the_same_conversation() -> None:
    """A conversation can be repeated bit for bit."""
    async with suite() as gateway:
        assert bits(await converse(gateway, 3)) == bits(await converse(gateway, 3))


async def test_beyond_capacity_a_client_is_told_when_to_come_again() -> None:
    """The session over the limit gets RESOURCE_EXHAUSTED with a time to wait; the live one goes on."""
    async with (
        suite(max_sessions=1) as gateway,
        connect(gateway, audio=AUDIO, video=VIDEO, pace="media", seed=1) as first,
    ):
        with pytest.raises(CapacityExhausted) as caught:
            await connect(gateway, audio=AUDIO).__aenter__()
        assert caught.value.retry_after_s > 0
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(say(first, 1))
            assert len([event async for event in first if isinstance(event, Unit)]) == UNITS


async def ended_with(stream: ClientStream[session_pb2.ConnectRequest, session_pb2.ConnectResponse]) -> Exception | None:
    """The error that the gateway ended a stream with."""
    async with asyncio.timeout(20):
        try:
            while await stream.read() is not None:
                pass
        except WanStreamerError as error:
            return error
    return None


def bad_requests(case: str) -> list[session_pb2.ConnectRequest]:
    """What a bad client sends after a good Attach (or instead of it)."""
    audio = session_pb2.AudioChunk(first_sample_index=0, capture_offset_us=0, data=bytes(640))
    if case == "NaN":
        return []
    if case == "first":
        return [session_pb2.ConnectRequest(audio=audio)]
    if case == "noise as JPEG":
        noise = np.random.default_rng(0).bytes(10_000_000)
        return [session_pb2.ConnectRequest(video=session_pb2.VideoFrame(capture_offset_us=0, data=noise))]
    if case == "past":
        return [
            session_pb2.ConnectRequest(audio=audio),
            session_pb2.ConnectRequest(audio=audio),
        ]
    if case == "lying rate":
        # 48 kHz samples declared as 16 kHz: the indices run three times as fast as the capture times.
        return [
            session_pb2.ConnectRequest(
                audio=session_pb2.AudioChunk(
                    first_sample_index=k * 960, capture_offset_us=k * 20_000, data=bytes(960 * 2)
                )
            )
            for k in range(60)
        ]
    raise ValueError(case)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("first", "ATTACH_FIRST"),
        ("noise as JPEG", "FRAME_TOO_LARGE"),
        ("past", "AUDIO_ORDER"),
        ("lying rate", "SAMPLE_RATE_MISMATCH"),
        ("NaN", "VIDEO_FORMAT"),
    ],
)
async def test_a_bad_client_ends_alone(case: str, reason: str) -> None:
    """Bad input gets INVALID_ARGUMENT with its reason, and a conversation beside it gives the same bits as without."""
    async with suite() as gateway, open_channel(gateway) as channel:
        alone = bits(await converse(gateway, 5))
        beside = asyncio.create_task(converse(gateway, 5))
        stub = session_pb2_grpc.SessionServiceStub(channel)
        created = await stub.CreateSession(session_pb2.CreateSessionRequest(request_id="bad"))
        attach = session_pb2.Attach(
            session_id=created.session_id,
            resume_token=created.resume_token,
            pace=session_pb2.PACE_MEDIA,
            audio=session_pb2.AudioFormat(
                encoding=session_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hz=RATE_HZ, channel_count=1
            ),
            video=session_pb2.VideoFormat(
                encoding=session_pb2.VIDEO_ENCODING_JPEG, frame_rate_hz=float("nan") if case == "NaN" else 25
            ),
        )

        requests = bad_requests(case)
        if case != "first":
            requests.insert(0, session_pb2.ConnectRequest(attach=attach))
        with ClientStream[session_pb2.ConnectRequest, session_pb2.ConnectResponse](stub.Connect()) as stream:
            for request in requests:
                await stream.write(request)
            error = await ended_with(stream)
        assert isinstance(error, InvalidInput), error
        assert error.reason == reason
        assert bits(await beside) == alone
