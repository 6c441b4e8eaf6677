"""The SDK against a gateway of few lines that speaks the real protocol over loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import numpy as np
import pytest

from wan_streamer.client import (
    AudioFormat,
    Ended,
    Flush,
    GoAway,
    Outcome,
    Session,
    SkipReason,
    Unit,
    VideoFormat,
    connect,
)
from wan_streamer.client.session import Pace
from wan_streamer.errors import CapacityExhausted, InvalidInput, PeerUnavailable, PlacementLost, WanStreamerError
from wan_streamer.media.jpeg import encode_jpeg
from wan_streamer.rpc.status import abort
from wan_streamer.unit import UNIT_US
from wan_streamer.v1 import session_pb2, unit_pb2
from wan_streamer.v1.session_pb2_grpc import SessionServiceServicer, add_SessionServiceServicer_to_server

MONO = AudioFormat(sample_rate_hz=16_000, channel_count=1)
Context = grpc.aio.ServicerContext
Script = Callable[["Gateway", Context], Awaitable[None]]


class Gateway(SessionServiceServicer):
    """Answers CreateSession and Attach, keeps what it gets, and lets a test's script do the rest."""

    def __init__(self, script: Script, *, refusal: WanStreamerError | None = None, capture_delay_ms: int = 0) -> None:
        self._script = script
        self._capture_delay_ms = capture_delay_ms
        self._refusal = refusal
        self.created: list[session_pb2.CreateSessionRequest] = []
        self.received: asyncio.Queue[session_pb2.ConnectRequest | None] = asyncio.Queue()
        self.is_left = asyncio.Event()

    async def CreateSession(
        self, request: session_pb2.CreateSessionRequest, context: Context
    ) -> session_pb2.CreateSessionResponse:
        self.created.append(request)
        if self._refusal is not None:
            await abort(context, self._refusal)
        answer = session_pb2.CreateSessionResponse(session_id="s", resume_token="t")
        answer.limits.max_audio_chunk_duration.FromMilliseconds(1000)
        answer.limits.max_media_ahead.FromMilliseconds(2000)
        return answer

    async def Connect(self, request_iterator: AsyncIterator[session_pb2.ConnectRequest], context: Context) -> None:
        self.attach = (await anext(aiter(request_iterator))).attach
        attached = session_pb2.Attached(outcome=session_pb2.ATTACH_OUTCOME_NEW, generation=1, epoch=7)
        attached.agent_media.audio_sample_rate_hz = 16_000
        attached.agent_media.deadline_after_capture.FromMilliseconds(200)
        attached.capture_delay.FromMilliseconds(self._capture_delay_ms)
        await context.write(session_pb2.ConnectResponse(attached=attached))
        reading = asyncio.create_task(self._read(request_iterator))
        try:
            await self._script(self, context)
        finally:
            reading.cancel()
            self.is_left.set()

    async def _read(self, requests: AsyncIterator[session_pb2.ConnectRequest]) -> None:
        async for request in requests:
            self.received.put_nowait(request)
        self.received.put_nowait(None)

    async def until(self, kind: str) -> session_pb2.ConnectRequest:
        """The next message of this kind."""
        while True:
            request = await self.received.get()
            assert request is not None
            if request.WhichOneof("message") == kind:
                return request


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[str]:
    server = grpc.aio.server()
    add_SessionServiceServicer_to_server(gateway, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


def unit(index: int, *, output_epoch: int = 0, skipped: bool = False) -> session_pb2.ConnectResponse:
    message = unit_pb2.AgentUnit(output_epoch=output_epoch, emitted_time_unix_us=1_000_000 + index)
    message.header.session_id, message.header.unit_index = "s", index
    message.header.traceparent = f"00-{index + 1:032x}-{1:016x}-01"
    if skipped:
        message.outcome = unit_pb2.UNIT_OUTCOME_SKIPPED
        message.skip_reason = unit_pb2.SKIP_REASON_INTERRUPTED
    else:
        message.outcome = unit_pb2.UNIT_OUTCOME_ON_TIME
        message.audio_pcm_s16le = np.full(2560, index, "<i2").tobytes()
        message.video_jpeg.extend([encode_jpeg(np.full((16, 16, 3), index, np.uint8))] * 4)
        message.text, message.model_latency_us = f"w{index}", 83_500
    return session_pb2.ConnectResponse(unit=message)


async def end(context: Context, unit_count: int) -> None:
    await context.write(session_pb2.ConnectResponse(ended=session_pb2.Ended(unit_count=unit_count)))


async def test_media_arrives_with_its_clock_and_units_come_back_typed() -> None:
    """What is sent carries index and capture time; a unit comes back with arrays, words, outcome and header."""
    sent: list[session_pb2.ConnectRequest] = []

    async def script(gateway: Gateway, context: Context) -> None:
        while (request := await gateway.received.get()) is not None:
            sent.append(request)
            if request.HasField("end_of_input"):
                break
        await context.write(unit(0))
        await context.write(unit(1, skipped=True))
        await end(context, 2)

    gateway = Gateway(script)
    async with (
        serving(gateway) as address,
        connect(address, audio=MONO, video=VideoFormat(frame_rate_hz=25), seed=5, credit_units=4) as session,
    ):
        await session.send_audio(np.zeros(320, np.int16))
        await session.send_frame(np.zeros((16, 16, 3), np.uint8))
        await session.send_audio(b"\0\0" * 320)
        await session.send_frame(np.zeros((16, 16, 3), np.uint8))
        await session.end()
        first, second, ended = [event async for event in session]
    assert session.attached.epoch == 7
    assert gateway.created[0].seed == 5
    assert gateway.attach.credit_units == 4
    assert gateway.attach.pace == session_pb2.PACE_LIVE
    assert [(r.audio.first_sample_index, r.audio.capture_offset_us) for r in sent if r.HasField("audio")] == [
        (0, 0),
        (320, 20_000),
    ]
    assert [request.video.capture_offset_us for request in sent if request.HasField("video")] == [0, 40_000]
    assert isinstance(first, Unit)
    assert first.outcome is Outcome.ON_TIME
    assert (first.text, first.model_latency_ms, first.trace_id) == ("w0", 83.5, f"{1:032x}")
    assert first.emitted_time_unix_us == 1_000_000
    assert (first.audio.dtype, first.audio.shape, first.frames.shape) == (np.int16, (2560,), (4, 16, 16, 3))
    assert isinstance(second, Unit)
    assert second.skip_reason is SkipReason.INTERRUPTED
    assert (second.audio.size, second.frames.size) == (0, 0)
    assert ended == Ended(unit_count=2)


async def test_reading_on_grants_credit_for_the_unit_before() -> None:
    """A unit counts as played when the next event is asked for, and not before."""

    async def script(gateway: Gateway, context: Context) -> None:
        for index in range(3):
            await context.write(unit(index))
            playout = await gateway.until("playout")
            assert playout.playout.played_unit_index == index
        await end(context, 3)

    async with serving(Gateway(script)) as address, connect(address, audio=MONO) as session:
        units = [event.unit_index async for event in session if isinstance(event, Unit)]
    assert units == [0, 1, 2]


async def test_a_raised_output_epoch_brings_one_flush_before_the_unit() -> None:
    """An interruption reaches the player as Flush, ahead of the first unit of the new epoch, once."""

    async def script(gateway: Gateway, context: Context) -> None:
        await context.write(unit(0))
        await gateway.until("interrupt")
        await context.write(unit(1, skipped=True))
        await context.write(unit(2, output_epoch=1))
        await context.write(unit(3, output_epoch=1))
        away = session_pb2.GoAway(reason="DRAINING", resumable=False)
        away.time_left.FromSeconds(20)
        await context.write(session_pb2.ConnectResponse(go_away=away))
        await end(context, 4)

    async with serving(Gateway(script)) as address, connect(address, audio=MONO) as session:
        first = await anext(session)
        await session.interrupt()
        rest = [event async for event in session]
    assert isinstance(first, Unit)
    kinds = [event.unit_index if isinstance(event, Unit) else event for event in rest]
    away = GoAway(time_left_s=20.0, reason="DRAINING", resumable=False)
    assert kinds == [1, Flush(output_epoch=1), 2, 3, away, Ended(unit_count=4)]


async def test_a_time_limit_on_reading_loses_nothing() -> None:
    """Cancelling a read does not end the call, and the event comes with the next read."""

    async def script(gateway: Gateway, context: Context) -> None:
        await gateway.until("audio")
        await context.write(unit(0))
        await end(context, 1)

    async with serving(Gateway(script)) as address, connect(address, audio=MONO) as session:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await anext(session)
        await session.send_audio(np.zeros(16, np.int16))
        assert [type(event) for event in [event async for event in session]] == [Unit, Ended]


async def test_leaving_ends_the_call_at_the_gateway() -> None:
    """Leaving the block in the middle cancels the call cleanly: the gateway sees it, no error comes out."""

    async def script(gateway: Gateway, context: Context) -> None:
        await context.write(unit(0))
        await asyncio.Event().wait()

    gateway = Gateway(script)
    async with serving(gateway) as address:
        async with connect(address, audio=MONO) as session:
            await anext(session)
        async with asyncio.timeout(5):
            await gateway.is_left.wait()


async def test_errors_come_out_as_ours() -> None:
    """A refusal, a failure in mid-stream and nobody at the address are the project's errors, with reason and advice."""

    async def failing(gateway: Gateway, context: Context) -> None:
        await context.write(unit(0))
        await abort(context, PlacementLost("the thinker is gone"))

    full = Gateway(failing, refusal=CapacityExhausted("full", retry_after_s=2.5))
    async with serving(full) as address:
        with pytest.raises(CapacityExhausted) as refused:
            async with connect(address, audio=MONO):
                pass
    assert refused.value.retry_after_s == 2.5
    async with serving(Gateway(failing)) as address, connect(address, audio=MONO) as session:
        assert isinstance(await anext(session), Unit)
        with pytest.raises(PlacementLost, match="thinker"):
            await anext(session)
        with pytest.raises(PlacementLost):
            await session.send_audio(np.zeros(16, np.int16))
    with pytest.raises(PeerUnavailable, match="wan-streamer serve"):
        async with connect(address, audio=MONO):
            pass


async def test_an_error_keeps_its_reason_while_media_is_being_sent() -> None:
    """A failure that meets a write under way comes out as what the service said, to the reader and to the sender."""

    async def failing(gateway: Gateway, context: Context) -> None:
        for _ in range(20):
            await gateway.until("audio")
        await abort(context, PlacementLost("the thinker is gone"))

    async def speak(session: Session) -> None:
        while True:
            await session.send_audio(np.zeros(16, np.int16))

    for _ in range(10):
        async with serving(Gateway(failing)) as address, connect(address, audio=MONO) as session:
            speaking = asyncio.create_task(speak(session))
            with pytest.raises(PlacementLost, match="thinker"):
                await anext(session)
            with pytest.raises(PlacementLost):
                await speaking


async def test_who_only_sends_learns_the_reason_and_loses_no_unit() -> None:
    """A failure behind units that nobody has read yet reaches the sender; the units can be read afterwards."""

    async def failing(gateway: Gateway, context: Context) -> None:
        for index in range(8):
            await context.write(unit(index))
        await abort(context, PlacementLost("the thinker is gone"))

    async def speak(session: Session) -> None:
        while True:
            await session.send_audio(np.zeros(16, np.int16))

    async with serving(Gateway(failing)) as address, connect(address, audio=MONO) as session:
        with pytest.raises(PlacementLost):
            await speak(session)
        units = [await anext(session) for _ in range(8)]
        with pytest.raises(PlacementLost):
            await anext(session)
    assert [event.unit_index for event in units if isinstance(event, Unit)] == list(range(8))


async def test_sending_after_the_end_says_so() -> None:
    """After the gateway has ended the session, media is refused, and playout reports are dropped in silence."""

    async def script(gateway: Gateway, context: Context) -> None:
        await end(context, 0)

    async with serving(Gateway(script)) as address, connect(address, audio=MONO) as session:
        assert [event async for event in session] == [Ended(unit_count=0)]
        with pytest.raises(InvalidInput, match="ended"):
            await session.send_audio(np.zeros(16, np.int16))
        await session.played(0)


async def test_at_media_pace_the_sender_waits_for_the_agent() -> None:
    """Media never runs further ahead of the units than the gateway's limit, however fast it is sent."""
    unit_count = 40

    async def script(gateway: Gateway, context: Context) -> None:
        ahead_us, heard_us = [], 0
        for index in range(unit_count):
            while heard_us < (index + 1) * UNIT_US:
                chunk = (await gateway.until("audio")).audio
                heard_us = (chunk.first_sample_index + len(chunk.data) // 2) * 1_000_000 // 16_000
                ahead_us.append(heard_us - index * UNIT_US)
            await context.write(unit(index))
        assert max(ahead_us) <= 2_000_000
        await gateway.until("end_of_input")
        await end(context, unit_count)

    async def speak(session: Session) -> None:
        for _ in range(unit_count * 4):
            await session.send_audio(np.zeros(640, np.int16))
        await session.end()

    async with (
        serving(Gateway(script)) as address,
        connect(address, audio=MONO, pace="media") as session,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(speak(session))
        units = [event async for event in session if isinstance(event, Unit)]
    assert len(units) == unit_count


async def test_at_media_pace_a_session_that_nobody_reads_is_an_error_not_a_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who sends seconds of media without a task that reads is told so."""
    monkeypatch.setattr("wan_streamer.client.room.READER_LIMIT_S", 0.05)

    async def script(gateway: Gateway, context: Context) -> None:
        await asyncio.Event().wait()

    async with serving(Gateway(script)) as address, connect(address, audio=MONO, pace="media") as session:
        with pytest.raises(InvalidInput, match="nobody reads"):
            await session.send_audio(np.zeros(16_000 * 3, np.int16))


@pytest.mark.parametrize(("pace", "waits"), [("live", True), ("media", False)])
async def test_a_live_session_is_entered_when_its_capture_should_begin(pace: Pace, waits: bool) -> None:
    """Live, `connect` keeps the session's phase by waiting as long as Attached says; for files there is no phase."""

    async def script(gateway: Gateway, context: Context) -> None:
        await gateway.until("end_of_input")
        await end(context, 0)

    async with serving(Gateway(script, capture_delay_ms=150)) as address:
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        async with connect(address, audio=MONO, pace=pace) as session:
            assert session.attached.capture_delay_ms == 150
            # Without the wait this takes a few milliseconds; on a busy machine it may take longer, too.
            assert loop.time() - begin_s >= 0.15 or not waits
            await session.end()


def test_a_session_without_media_is_refused() -> None:
    """Connecting with neither audio nor video, or with an impossible format, fails before anything is sent."""
    with pytest.raises(InvalidInput, match="at least one"):
        connect("127.0.0.1:1")
    with pytest.raises(InvalidInput, match="sample rate"):
        connect("127.0.0.1:1", audio=AudioFormat(sample_rate_hz=4000, channel_count=1))
