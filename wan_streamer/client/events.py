"""What a session gives back: typed, frozen events made from the wire's messages."""

import enum
import time
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wan_streamer.media.jpeg import decode_jpeg
from wan_streamer.telemetry.traceparent import parse_traceparent
from wan_streamer.unit import FRAMES_PER_UNIT
from wan_streamer.v1 import session_pb2, unit_pb2


class Outcome(enum.Enum):
    """How an agent unit ended (unit.proto, UnitOutcome)."""

    ON_TIME = unit_pb2.UNIT_OUTCOME_ON_TIME
    LATE = unit_pb2.UNIT_OUTCOME_LATE
    SKIPPED = unit_pb2.UNIT_OUTCOME_SKIPPED


class SkipReason(enum.Enum):
    """Why an agent unit has no media (unit.proto, SkipReason)."""

    UNSPECIFIED = unit_pb2.SKIP_REASON_UNSPECIFIED
    OVERLOADED = unit_pb2.SKIP_REASON_OVERLOADED
    CLIENT_STALLED = unit_pb2.SKIP_REASON_CLIENT_STALLED
    INTERRUPTED = unit_pb2.SKIP_REASON_INTERRUPTED
    ENGINE_FAULT = unit_pb2.SKIP_REASON_ENGINE_FAULT
    DETACHED = unit_pb2.SKIP_REASON_DETACHED


class AttachOutcome(enum.Enum):
    """What became of the session's state on this attach (session.proto, AttachOutcome)."""

    NEW = session_pb2.ATTACH_OUTCOME_NEW
    FULL = session_pb2.ATTACH_OUTCOME_FULL
    REPLAYED_WITH_GAP = session_pb2.ATTACH_OUTCOME_REPLAYED_WITH_GAP
    CONTEXT_ONLY = session_pb2.ATTACH_OUTCOME_CONTEXT_ONLY
    STATE_LOST = session_pb2.ATTACH_OUTCOME_STATE_LOST


@dataclass(frozen=True, kw_only=True)
class Attached:
    """The answer to an attach: what the session is and what its units will contain.

    Attributes:
        capture_delay_ms: live, how long after this answer the capture should begin, so that this session's units take
            turns with those of others.
    """

    session_id: str
    outcome: AttachOutcome
    generation: int
    epoch: int
    first_unit_index: int
    audio_sample_rate_hz: int
    video_width: int
    video_height: int
    deadline_after_capture_ms: float
    model_description: str
    capture_delay_ms: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Unit:
    """160 ms of the agent: sound, pictures and words of the same time, together or not at all.

    `audio` is int16 [samples] (mono, at `Attached.audio_sample_rate_hz`) and empty when the unit was skipped;
    `video_jpeg` holds 4 pictures of 40 ms each, or none. `output_epoch` rises when what came before must not be played
    any more (see `Flush`). `emitted_time_unix_us` is by the gateway's clock, `received_monotonic_ns` is
    `time.monotonic_ns()` at the arrival.
    """

    session_id: str
    unit_index: int
    generation: int
    epoch: int
    output_epoch: int
    outcome: Outcome
    skip_reason: SkipReason | None
    audio: NDArray[np.int16] = field(repr=False)
    video_jpeg: tuple[bytes, ...] = field(repr=False)
    text: str
    model_latency_ms: float
    capture_time_unix_us: int
    deadline_unix_us: int
    emitted_time_unix_us: int
    traceparent: str = field(repr=False)
    user_audio_lost: bool
    user_video_lost: bool
    received_monotonic_ns: int = field(repr=False)

    @property
    def is_skipped(self) -> bool:
        """Whether there is nothing to play for this index: hold the last picture, play silence."""
        return self.outcome is Outcome.SKIPPED

    @property
    def trace_id(self) -> str:
        """The unit's own trace, 32 hex digits; empty when there is none."""
        context = parse_traceparent(self.traceparent)
        return f"{context.trace_id:032x}" if context else ""

    @cached_property
    def frames(self) -> NDArray[np.uint8]:
        """The pictures, uint8 [4, height, width, 3], RGB; decoded on first use. [0, 0, 0, 3] when skipped."""
        if not self.video_jpeg:
            return np.zeros((0, 0, 0, 3), np.uint8)
        assert len(self.video_jpeg) == FRAMES_PER_UNIT
        return np.stack([decode_jpeg(jpeg) for jpeg in self.video_jpeg])


@dataclass(frozen=True, kw_only=True)
class Flush:
    """Drop every unit received so far that has not been played; the next unit belongs to `output_epoch`."""

    output_epoch: int


@dataclass(frozen=True, kw_only=True)
class GoAway:
    """The gateway will close the stream soon: "DRAINING", "REPLACED" (a newer attach) or "EXPIRED"."""

    time_left_s: float
    reason: str
    resumable: bool


@dataclass(frozen=True, kw_only=True)
class Ended:
    """No more units will come. `unit_count` counts the units of the whole session, of any outcome."""

    unit_count: int


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """The stream broke, or its gateway went away, and the session goes on at another one or anew at the same.

    Units go on with `attached.first_unit_index`; those of the time without a stream come as SKIPPED, reason DETACHED.
    """

    attached: Attached


Event = Unit | Flush | GoAway | Resumed | Ended


def attached_from_proto(message: session_pb2.Attached, session_id: str) -> Attached:
    """Reads the first message of the stream."""
    media = message.agent_media
    return Attached(
        session_id=session_id,
        outcome=AttachOutcome(message.outcome),
        generation=message.generation,
        epoch=message.epoch,
        first_unit_index=message.first_unit_index,
        audio_sample_rate_hz=media.audio_sample_rate_hz,
        video_width=media.video_width,
        video_height=media.video_height,
        deadline_after_capture_ms=media.deadline_after_capture.ToMicroseconds() / 1000,
        model_description=message.model_description,
        capture_delay_ms=message.capture_delay.ToMicroseconds() / 1000,
    )


def unit_from_proto(message: unit_pb2.AgentUnit) -> Unit:
    """Reads an agent unit; stamps its arrival."""
    received_monotonic_ns = time.monotonic_ns()
    header = message.header
    outcome = Outcome(message.outcome)
    return Unit(
        session_id=header.session_id,
        unit_index=header.unit_index,
        generation=header.generation,
        epoch=header.epoch,
        output_epoch=message.output_epoch,
        outcome=outcome,
        skip_reason=SkipReason(message.skip_reason) if outcome is Outcome.SKIPPED else None,
        audio=np.frombuffer(message.audio_pcm_s16le, "<i2"),
        video_jpeg=tuple(message.video_jpeg),
        text=message.text,
        model_latency_ms=message.model_latency_us / 1000,
        capture_time_unix_us=header.capture_time_unix_us,
        deadline_unix_us=header.deadline_unix_us,
        emitted_time_unix_us=message.emitted_time_unix_us,
        traceparent=header.traceparent,
        user_audio_lost=message.user_media_loss.audio_lost,
        user_video_lost=message.user_media_loss.video_lost,
        received_monotonic_ns=received_monotonic_ns,
    )


def events_from_proto(message: session_pb2.ConnectResponse, last_output_epoch: int) -> list[Event]:
    """The events of one message: a unit of a raised output epoch brings a `Flush` before it. Unknown kinds: none."""
    match message.WhichOneof("message"):
        case "unit":
            unit = unit_from_proto(message.unit)
            raised = unit.output_epoch > last_output_epoch
            return [Flush(output_epoch=unit.output_epoch), unit] if raised else [unit]
        case "go_away":
            left_s = message.go_away.time_left.ToMicroseconds() / 1e6
            away = message.go_away
            return [GoAway(time_left_s=left_s, reason=away.reason, resumable=away.resumable)]
        case "ended":
            return [Ended(unit_count=message.ended.unit_count)]
        case _:
            return []
