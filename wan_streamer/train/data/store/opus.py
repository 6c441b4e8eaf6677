"""Sound as Opus in Ogg, in memory, with not a sample more or less than went in."""

from fractions import Fraction
from io import BytesIO
from typing import Final

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput

# Opus decodes at this rate, whatever went in.
OPUS_RATE_HZ: Final = 48_000
CODEC: Final = "libopus"

# What libopus takes for one channel.
LEAST_BIT_RATE, MOST_BIT_RATE = 6_000, 256_000


def encode_opus(samples: NDArray[np.float32], rate_hz: int, bit_rate: int) -> bytes:
    """Mono samples in -1..1 at a rate that Opus knows (16 or 24 kHz), variable bit rate: silence costs next to nothing.

    Raises:
        InvalidInput: the rate is not one of Opus'.
    """
    if not LEAST_BIT_RATE <= bit_rate <= MOST_BIT_RATE:
        raise InvalidInput(
            f"got {bit_rate} bits a second of Opus, expected {LEAST_BIT_RATE} to {MOST_BIT_RATE}", reason="BIT_RATE"
        )
    if rate_hz not in (8_000, 12_000, 16_000, 24_000, OPUS_RATE_HZ):
        raise InvalidInput(f"got {rate_hz} Hz, expected 8, 12, 16, 24 or 48 kHz; resample it", reason="OPUS_RATE")
    file = BytesIO()
    # Without "bitexact" every file gets a serial number by chance.
    with av.open(file, "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(CODEC, rate=rate_hz, layout="mono")
        stream.bit_rate = bit_rate
        stream.codec_context.options = {"vbr": "on", "frame_duration": "60", "application": "audio"}
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def decode_opus(data: bytes, rate_hz: int, sample_count: int) -> NDArray[np.float32]:
    """What `encode_opus` wrote, `sample_count` samples at `rate_hz`.

    Raises:
        InvalidInput: it is damaged, or shorter.
    """
    try:
        with av.open(BytesIO(data), "r", format="ogg") as container:
            resampler = av.AudioResampler(format="flt", layout="mono")
            pieces = [
                piece.to_ndarray()[0] for frame in container.decode(audio=0) for piece in resampler.resample(frame)
            ]
    except (av.FFmpegError, IndexError) as error:
        raise InvalidInput(f"got Opus that cannot be decoded ({error}); make the data again", reason="OPUS") from error
    decoded = np.concatenate([np.zeros(0, np.float32), *pieces])
    samples = soxr.resample(decoded, OPUS_RATE_HZ, rate_hz, quality="HQ") if rate_hz != OPUS_RATE_HZ else decoded
    if len(samples) < sample_count:
        raise InvalidInput(
            f"got {len(samples)} samples of Opus, expected {sample_count}; it is cut off, make the data again",
            reason="OPUS",
        )
    return np.ascontiguousarray(samples[:sample_count], np.float32)
