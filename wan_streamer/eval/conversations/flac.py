"""Sound as FLAC: 16 bits, nothing lost, any player plays it."""

from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput

INT16_SCALE = 32768.0


def to_flac(samples: NDArray[np.int16], rate_hz: int) -> bytes:
    """The file of mono samples, [S]."""
    file = BytesIO()
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def from_flac(data: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples in -1..1, [S], and their rate.

    Raises:
        InvalidInput: it is damaged.
    """
    try:
        with av.open(BytesIO(data), "r", format="flac") as container:
            frames = list(container.decode(audio=0))
            samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise InvalidInput(f"got sound that cannot be read ({error}); delete the talk", reason="TALK") from error
    return (samples / np.float32(INT16_SCALE)).astype(np.float32), frames[0].sample_rate
