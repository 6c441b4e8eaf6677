"""What a client may declare."""

import math

import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.media.cutter import UnitCutter
from wan_streamer.media.formats import AudioFormat, UnitFormat, VideoFormat

TARGET = UnitFormat(audio_sample_rate_hz=16000, video_width=16, video_height=16)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 44100, 48000, 44101])
@pytest.mark.parametrize("channel_count", [1, 2])
def test_every_rate_of_the_limits_is_accepted(rate_hz: int, channel_count: int) -> None:
    """Mono and stereo at any whole rate from 8 to 48 kHz may be declared."""
    AudioFormat(sample_rate_hz=rate_hz, channel_count=channel_count).check()


@pytest.mark.parametrize(
    ("rate_hz", "channel_count"), [(7999, 1), (48001, 1), (0, 1), (-16000, 1), (16000, 0), (16000, 3)]
)
def test_audio_outside_the_limits_is_refused(rate_hz: int, channel_count: int) -> None:
    """Another rate or channel count is InvalidInput AUDIO_FORMAT, also from the cutter."""
    audio = AudioFormat(sample_rate_hz=rate_hz, channel_count=channel_count)
    with pytest.raises(InvalidInput) as refusal:
        UnitCutter(audio, None, TARGET)
    assert refusal.value.reason == "AUDIO_FORMAT"


@pytest.mark.parametrize("rate_hz", [math.nan, math.inf, -math.inf, 0.0, 0.99, 60.01, -25.0])
def test_a_frame_rate_that_is_none_is_refused(rate_hz: float) -> None:
    """NaN, infinities and rates outside 1 to 60 are InvalidInput VIDEO_FORMAT, also from the cutter."""
    with pytest.raises(InvalidInput) as refusal:
        UnitCutter(None, VideoFormat(frame_rate_hz=rate_hz), TARGET)
    assert refusal.value.reason == "VIDEO_FORMAT"


@pytest.mark.parametrize(("rate_hz", "width", "height"), [(16001, 16, 16), (16000, 0, 16), (16000, 16, -1)])
def test_a_target_without_whole_units_is_refused(rate_hz: int, width: int, height: int) -> None:
    """A model format that has no whole samples a unit, or no picture, is a ValueError of the caller."""
    target = UnitFormat(audio_sample_rate_hz=rate_hz, video_width=width, video_height=height)
    with pytest.raises(ValueError, match="expected"):
        UnitCutter(None, None, target)
