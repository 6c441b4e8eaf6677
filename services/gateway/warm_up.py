"""What the first unit would otherwise pay for: the player's clock starts with it."""

from typing import Final

import numpy as np

from wan_streamer.media.cutter import UnitCutter
from wan_streamer.media.formats import AudioFormat, UnitFormat, VideoFormat
from wan_streamer.media.jpeg import encode_jpeg
from wan_streamer.unit import UNIT_US

# The rates of nearly all microphones; a model's size and rate do not matter here.
SOURCE_RATES_HZ: Final = (48_000, 44_100)
TARGET: Final = UnitFormat(audio_sample_rate_hz=16_000, video_width=224, video_height=128)
# Of another shape than the target, so that it is letterboxed.
FRAME_SIZE: Final = (480, 640)


def warm_up(jpeg_quality: int) -> None:
    """Takes one unit of each usual rate all the way: decode, letterbox, resample, encode. Milliseconds: in a thread."""
    frame = encode_jpeg(np.zeros((*FRAME_SIZE, 3), np.uint8))
    for rate_hz in SOURCE_RATES_HZ:
        cutter = UnitCutter(
            AudioFormat(sample_rate_hz=rate_hz, channel_count=2), VideoFormat(frame_rate_hz=25.0), TARGET
        )
        cutter.push_audio(0, 0, bytes(4 * rate_hz * UNIT_US // 1_000_000))
        cutter.push_video(0, frame)
        encode_jpeg(cutter.cut().video[0], jpeg_quality)
