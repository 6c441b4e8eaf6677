"""What a client asks for in Attach, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.media.formats import AudioFormat, VideoFormat
from wan_streamer.v1 import session_pb2

DEFAULT_CREDIT_UNITS: Final = 3
MAX_CREDIT_UNITS: Final = 16
MAX_ID_LENGTH: Final = 64


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A checked Attach."""

    session_id: str
    resume_token: str
    audio: AudioFormat | None
    video: VideoFormat | None
    is_live: bool
    """PACE_LIVE; otherwise PACE_MEDIA."""
    credit_units: int
    last_received_unit_index: int | None
    """The last unit that the client has; None: it has none, or says nothing of it."""


def read_attach(request: session_pb2.ConnectRequest) -> Attachment:
    """Checks the first message of a stream.

    Raises:
        InvalidInput: ATTACH_FIRST, SESSION_ID, AUDIO_ENCODING, VIDEO_ENCODING, AUDIO_FORMAT, VIDEO_FORMAT, NO_MEDIA,
            PACE or CREDIT_UNITS.
    """
    kind = request.WhichOneof("message")
    if kind != "attach":
        raise InvalidInput(f"got {kind or 'nothing'} as first message, expected attach", reason="ATTACH_FIRST")
    attach = request.attach
    check_id(attach.session_id, name="session_id", reason="SESSION_ID")
    audio, video = _audio_format(attach), _video_format(attach)
    if audio is None and video is None:
        raise InvalidInput("got neither an audio nor a video format, expected one of them", reason="NO_MEDIA")
    if attach.pace not in session_pb2.Pace.values():
        raise InvalidInput(f"got pace {attach.pace}, expected PACE_LIVE or PACE_MEDIA", reason="PACE")
    if attach.credit_units > MAX_CREDIT_UNITS:
        raise InvalidInput(
            f"got {attach.credit_units} credit units, expected 1 to {MAX_CREDIT_UNITS}, or 0 for the default",
            reason="CREDIT_UNITS",
        )
    last_received = attach.last_received_unit_index if attach.HasField("last_received_unit_index") else None
    return Attachment(
        session_id=attach.session_id,
        resume_token=attach.resume_token,
        audio=audio,
        video=video,
        is_live=attach.pace != session_pb2.PACE_MEDIA,
        credit_units=attach.credit_units or DEFAULT_CREDIT_UNITS,
        last_received_unit_index=last_received,
    )


def check_id(value: str, *, name: str, reason: str) -> None:
    """Raises InvalidInput with `reason` unless `value` has 1 to 64 characters."""
    if not 1 <= len(value) <= MAX_ID_LENGTH:
        raise InvalidInput(
            f"got a {name} of {len(value)} characters, expected 1 to {MAX_ID_LENGTH}; a UUID fits", reason=reason
        )


def _audio_format(attach: session_pb2.Attach) -> AudioFormat | None:
    if not attach.HasField("audio"):
        return None
    if attach.audio.encoding != session_pb2.AUDIO_ENCODING_PCM_S16LE:
        raise InvalidInput(
            f"got audio encoding number {attach.audio.encoding}, expected "
            "AUDIO_ENCODING_PCM_S16LE (1); this version takes no other",
            reason="AUDIO_ENCODING",
        )
    audio = AudioFormat(sample_rate_hz=attach.audio.sample_rate_hz, channel_count=attach.audio.channel_count)
    audio.check()
    return audio


def _video_format(attach: session_pb2.Attach) -> VideoFormat | None:
    if not attach.HasField("video"):
        return None
    if attach.video.encoding != session_pb2.VIDEO_ENCODING_JPEG:
        raise InvalidInput(
            f"got video encoding number {attach.video.encoding}, expected "
            "VIDEO_ENCODING_JPEG (1); this version takes no other",
            reason="VIDEO_ENCODING",
        )
    video = VideoFormat(frame_rate_hz=attach.video.frame_rate_hz)
    video.check()
    return video
