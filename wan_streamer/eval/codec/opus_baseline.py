"""Speech through Opus, the codec that a user knows from calls."""

from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.store.opus import CODEC, decode_opus

Samples = NDArray[np.float32]

# A constant rate, as ours, and what Opus is best with at a low one: made for speech, few packets (66.5 ms late).
OPTIONS: Final = {"vbr": "off", "application": "voip", "frame_duration": "60", "compression_level": "10"}


@dataclass(frozen=True, kw_only=True, eq=False)
class CodedSound:
    """A sound as it came back, as long as it was, and what it cost without the headers of a container."""

    samples: Samples
    bit_count: int


def through_opus(samples: Samples, rate_hz: int, bits_per_s: int) -> CodedSound:
    """Mono samples, [S] at a rate that Opus knows, coded with about so many bits and decoded."""
    file = BytesIO()
    bit_count = 0
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream(CODEC, rate=rate_hz, layout="mono")
        stream.bit_rate = bits_per_s
        stream.codec_context.options = OPTIONS
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            bit_count += packet.size * 8
            container.mux(packet)
    return CodedSound(samples=decode_opus(file.getvalue(), rate_hz, len(samples)), bit_count=bit_count)
