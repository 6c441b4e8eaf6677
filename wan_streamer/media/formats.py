"""What a client declares about its media, what the model wants, and the limits on both."""

import math
from dataclasses import dataclass

from wan_streamer.errors import InvalidInput
from wan_streamer.unit import samples_per_unit

MIN_AUDIO_SAMPLE_RATE_HZ = 8_000
MAX_AUDIO_SAMPLE_RATE_HZ = 48_000
MAX_AUDIO_CHANNEL_COUNT = 2
MAX_AUDIO_CHUNK_US = 1_000_000

MIN_FRAME_RATE_HZ = 1.0
MAX_FRAME_RATE_HZ = 60.0
MAX_FRAME_WIDTH = 1920
MAX_FRAME_HEIGHT = 1080
MAX_FRAME_BYTES = 2_000_000

MAX_MEDIA_AHEAD_US = 2_000_000

# How far a chunk's capture time may be from where its sample index puts it: a wrong rate shows as a growing distance,
# a clock that runs a little fast or slow stays within the percent.
CAPTURE_TOLERANCE_US = 500_000
CAPTURE_TOLERANCE_PERCENT = 1

INT16_BYTES = 2
INT16_SCALE = 32768


@dataclass(frozen=True, kw_only=True)
class AudioFormat:
    """PCM s16le as a client sends it, channels interleaved."""

    sample_rate_hz: int
    channel_count: int

    @property
    def bytes_per_sample(self) -> int:
        """Bytes of one sample of all channels."""
        return INT16_BYTES * self.channel_count

    def check(self) -> None:
        """Raises InvalidInput (AUDIO_FORMAT) unless rate and channel count are within the limits."""
        if not MIN_AUDIO_SAMPLE_RATE_HZ <= self.sample_rate_hz <= MAX_AUDIO_SAMPLE_RATE_HZ:
            raise InvalidInput(
                f"got an audio sample rate of {self.sample_rate_hz} Hz, expected {MIN_AUDIO_SAMPLE_RATE_HZ} to "
                f"{MAX_AUDIO_SAMPLE_RATE_HZ}; resample before sending",
                reason="AUDIO_FORMAT",
            )
        if not 1 <= self.channel_count <= MAX_AUDIO_CHANNEL_COUNT:
            raise InvalidInput(
                f"got {self.channel_count} audio channels, expected 1 or 2; mix down before sending",
                reason="AUDIO_FORMAT",
            )


@dataclass(frozen=True, kw_only=True)
class VideoFormat:
    """JPEG frames as a client sends them; the rate is nominal, each frame carries its own time."""

    frame_rate_hz: float

    def check(self) -> None:
        """Raises InvalidInput (VIDEO_FORMAT) unless the rate is a number within the limits."""
        if not (math.isfinite(self.frame_rate_hz) and MIN_FRAME_RATE_HZ <= self.frame_rate_hz <= MAX_FRAME_RATE_HZ):
            raise InvalidInput(
                f"got a frame rate of {self.frame_rate_hz} Hz, expected {MIN_FRAME_RATE_HZ:g} to "
                f"{MAX_FRAME_RATE_HZ:g}; send the camera's nominal rate and drop frames above it",
                reason="VIDEO_FORMAT",
            )


@dataclass(frozen=True, kw_only=True)
class UnitFormat:
    """What the model wants to hear and see: mono at one rate, RGB at one size."""

    audio_sample_rate_hz: int
    video_width: int
    video_height: int

    def check(self) -> None:
        """Raises ValueError unless a unit has whole samples and the picture has a size."""
        samples_per_unit(self.audio_sample_rate_hz)
        if self.video_width <= 0 or self.video_height <= 0:
            raise ValueError(f"got a unit's picture of {self.video_width}x{self.video_height}, expected positive sizes")
