"""One conversation with the agent: send audio and frames, iterate over what comes back."""

import asyncio
import uuid
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self

import grpc
import numpy as np
from numpy.typing import NDArray

from wan_streamer.client.attacher import Attacher
from wan_streamer.client.duplex import DuplexStream
from wan_streamer.client.events import (
    Attached,
    Ended,
    Event,
    Resumed,
    SkipReason,
    Unit,
    attached_from_proto,
    events_from_proto,
)
from wan_streamer.client.line import CONNECT_LIMIT_S, Line
from wan_streamer.client.outgoing import OutgoingAudio, OutgoingVideo
from wan_streamer.client.room import Room
from wan_streamer.client.unheard import Unheard
from wan_streamer.errors import InvalidInput, PeerUnavailable, WanStreamerError
from wan_streamer.media.formats import AudioFormat, VideoFormat
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.rpc.tls import ChannelTls
from wan_streamer.rpc.tls_trouble import tls_trouble
from wan_streamer.v1 import session_pb2
from wan_streamer.v1.session_pb2 import ConnectRequest

if TYPE_CHECKING:
    from wan_streamer.v1.session_pb2_grpc import SessionServiceAsyncStub

Pace = Literal["live", "media"]

_PACES: Final = {"live": session_pb2.PACE_LIVE, "media": session_pb2.PACE_MEDIA}


def connect(
    address: str | Sequence[str],
    *,
    audio: AudioFormat | None = None,
    video: VideoFormat | None = None,
    pace: Pace = "live",
    seed: int | None = None,
    credit_units: int = 3,
    auto_playout: bool = True,
    tls: ChannelTls | None = None,
    resume_limit_s: float = 30.0,
) -> "Session":
    """A session with the gateway at `address` ("host:port"), to be entered with `async with`.

    When the stream breaks, or the gateway says that it goes away, the session is attached again by itself: an event
    `Resumed` comes between the units, and units without media where some were missed (`Session.missed_unit_count`).

    Live, it is entered when it is the time to begin the capture (`Attached.capture_delay_ms`, less than a unit).

    Args:
        address: where the gateway listens; of several replicas the first admits, and all are tried to go on.
        audio: format of the audio that will be sent; None: the model hears silence.
        video: nominal format of the frames that will be sent; None: the model sees a grey picture.
        pace: "live": wall time drives, what comes too late is lost. "media": media time drives, nothing is lost; for
            files.
        seed: makes what the model draws at random repeatable.
        credit_units: how many units beyond the last one played the gateway may send, 1 to 16. A player that holds n
            units in its buffer needs n + 1.
        auto_playout: a unit counts as played when the next event is asked for. A player with a clock of its own passes
            False and calls `Session.played`.
        tls: None: plaintext. `ChannelTls()` believes the usual CAs, `ChannelTls(ca_file=...)` those in a file.
        resume_limit_s: how long a session that broke is tried to be attached again; 0: not at all.

    Raises:
        InvalidInput: a format or value is outside what the service takes, or a file of `tls` cannot be used (here, or
            on entering).
        CapacityExhausted: on entering: every place is taken; `retry_after_s` says when to try again.
        PeerUnavailable: on entering: nobody answers at `address`.
    """
    if audio is None and video is None:
        raise InvalidInput(
            "got a session without audio and video, expected at least one; pass audio=AudioFormat(...) or "
            "video=VideoFormat(...)",
            reason="NO_MEDIA",
        )
    attach = session_pb2.Attach(pace=_PACES[pace], credit_units=credit_units)
    if audio is not None:
        audio.check()
        attach.audio.encoding = session_pb2.AUDIO_ENCODING_PCM_S16LE
        attach.audio.sample_rate_hz, attach.audio.channel_count = audio.sample_rate_hz, audio.channel_count
    if video is not None:
        video.check()
        attach.video.encoding = session_pb2.VIDEO_ENCODING_JPEG
        attach.video.frame_rate_hz = video.frame_rate_hz
    return Session(
        [address] if isinstance(address, str) else address,
        attach,
        OutgoingAudio(audio),
        OutgoingVideo(video),
        seed=seed,
        auto_playout=auto_playout,
        tls=tls,
        resume_limit_s=resume_limit_s,
    )


class Session:
    """An attached conversation. Made by `connect`; iterate over it for its events.

    One task may send while another one iterates. Leaving the `async with` block ends the session, whatever its state.
    `attached` (set once entered) is what the gateway answered last: model, sizes, generation.
    `missed_unit_count` counts the units that were lost because no stream was there.
    """

    attached: Attached

    def __init__(
        self,
        addresses: Sequence[str],
        attach: session_pb2.Attach,
        audio: OutgoingAudio,
        video: OutgoingVideo,
        *,
        seed: int | None,
        auto_playout: bool,
        tls: ChannelTls | None,
        resume_limit_s: float,
    ) -> None:
        self._addresses = addresses
        self._resume_limit_s = resume_limit_s
        self._attach = attach
        self._audio = audio
        self._video = video
        self._seed = seed
        self._auto_playout = auto_playout
        self._tls = tls
        self._stack = AsyncExitStack()
        self._events: deque[Event] = deque()
        self._output_epoch = 0
        self._unplayed_unit_index: int | None = None
        self.missed_unit_count = 0

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            line = Line(self._addresses[0], self._tls)
            stack.push_async_callback(line.close)
            created = await self._create(line.stub)
            self._limits = created.limits
            self._attach.session_id, self._attach.resume_token = created.session_id, created.resume_token
            attached = await line.attach(self._attach)
            self._attach.resume_token = attached.resume_token
            self.attached = attached_from_proto(attached, created.session_id)
            attacher = Attacher(self._addresses, self._attach, self._resume_limit_s, self._tls)
            unheard = Unheard(keeps_media=self._attach.pace == session_pb2.PACE_MEDIA)
            stack.pop_all()  # from here on the line is the stream's
            self._stream = await stack.enter_async_context(DuplexStream(line, attacher, unheard))
            if self._attach.pace == session_pb2.PACE_LIVE:
                # Units of sessions that share a machine take turns: this is where ours begin.
                await asyncio.sleep(self.attached.capture_delay_ms / 1e3)
            self._room = Room(self._limits.max_media_ahead.ToMicroseconds(), self.attached.first_unit_index)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def send_audio(
        self,
        pcm: NDArray[np.int16] | bytes,
        *,
        first_sample_index: int | None = None,
        capture_offset_us: int | None = None,
    ) -> None:
        """Sends audio that follows what was sent before. At media pace, waits while it is too far ahead.

        Args:
            pcm: int16 [samples] or [samples, channels], or its little-endian bytes. Any length.
            first_sample_index: where it begins, when samples before it are lost.
            capture_offset_us: when its first sample was captured; by default by the sample clock.

        Raises:
            InvalidInput: wrong type, shape or length.
            WanStreamerError: the session has ended with this error.
        """
        max_chunk_us = self._limits.max_audio_chunk_duration.ToMicroseconds()
        for end_us, chunk in self._audio.chunks(
            pcm,
            max_chunk_us=max_chunk_us,
            first_sample_index=first_sample_index,
            capture_offset_us=capture_offset_us,
        ):
            await self._wait_for_room(end_us)
            await self._stream.write(ConnectRequest(audio=chunk))

    async def send_frame(self, frame: bytes | NDArray[np.uint8], capture_offset_us: int | None = None) -> None:
        """Sends one picture. At media pace, waits while it is too far ahead.

        Args:
            frame: a JPEG, or uint8 [height, width, 3] RGB, which is encoded here.
            capture_offset_us: when it was captured, since the first capture; by default frames sent / frame rate.

        Raises:
            InvalidInput: the session sends no video.
            WanStreamerError: the session has ended with this error.
        """
        message = self._video.frame(frame, capture_offset_us)
        await self._wait_for_room(message.capture_offset_us)
        await self._stream.write(ConnectRequest(video=message))

    async def played(self, unit_index: int) -> None:
        """Says that this unit begins to play, which grants credit for more. Does nothing once the stream is over."""
        if not self._stream.is_over:
            playout = session_pb2.Playout(played_unit_index=unit_index)
            await self._stream.write(ConnectRequest(playout=playout))

    async def interrupt(self) -> None:
        """The user stops the agent: what was queued comes as SKIPPED, and a `Flush` comes before the next unit."""
        await self._stream.write(ConnectRequest(interrupt=session_pb2.Interrupt()))

    async def end(self) -> None:
        """No more media will be sent: the units that are still due come, then `Ended`."""
        await self._stream.write(ConnectRequest(end_of_input=session_pb2.EndOfInput()))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """The next event. Cancelling it (a time limit) loses nothing.

        Raises:
            WanStreamerError: the session has ended with this error.
        """
        self._room.reader_began()
        if self._auto_playout and self._unplayed_unit_index is not None:
            played, self._unplayed_unit_index = self._unplayed_unit_index, None
            await self._grant(played)
        while not self._events:
            self._events.extend(await self._next_events())
        event = self._events.popleft()
        if isinstance(event, Unit):
            self._unplayed_unit_index = event.unit_index
        return event

    async def _next_events(self) -> list[Event]:
        try:
            response = await self._stream.read()
        except WanStreamerError:
            self._room.close()
            raise
        if response is None:
            self._room.close()
            raise StopAsyncIteration
        if response.HasField("attached"):
            self.attached = attached_from_proto(response.attached, self._attach.session_id)
            self._output_epoch = 0  # counted anew
            return [Resumed(attached=self.attached)]
        events = events_from_proto(response, self._output_epoch)
        for event in events:
            if isinstance(event, Unit):
                self._output_epoch = max(self._output_epoch, event.output_epoch)
                self._room.unit_arrived(event.unit_index)
                self.missed_unit_count += event.skip_reason is SkipReason.DETACHED
            elif isinstance(event, Ended):
                self._room.close()
        return events

    async def _grant(self, unit_index: int) -> None:
        try:
            await self.played(unit_index)
        except WanStreamerError:
            # The call ended meanwhile. The reads that follow give the units that still wait, then the same error.
            return

    async def _wait_for_room(self, media_end_us: int) -> None:
        if self._attach.pace == session_pb2.PACE_MEDIA:
            await self._room.wait(media_end_us)

    async def _create(self, stub: "SessionServiceAsyncStub") -> session_pb2.CreateSessionResponse:
        request = session_pb2.CreateSessionRequest(request_id=uuid.uuid4().hex, seed=self._seed)
        try:
            return await stub.CreateSession(request, timeout=CONNECT_LIMIT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE and not _has_details(error):
                reason, explanation = tls_trouble(error.details() or "")
                what_to_do = explanation or "start one with `wan-streamer serve` or correct the address"
                raise PeerUnavailable(
                    f"got no answer from {self._addresses[0]} ({error.details()}), expected a gateway; {what_to_do}",
                    reason=reason,
                ) from error
            raise from_rpc_error(error) from error


def _has_details(error: grpc.aio.AioRpcError) -> bool:
    """Whether a service made this status; one that gRPC made by itself (nobody listens) carries no details."""
    return any(key == "grpc-status-details-bin" for key, _ in error.trailing_metadata())
