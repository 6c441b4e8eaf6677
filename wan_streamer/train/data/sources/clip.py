"""One piece of recorded speech and all that is known of it."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput

Encoding = Literal["mp3", "g722"]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Where it lies, what is said, by whom, and whose it is.

    Attributes:
        name: unique: source, "/" and the name inside the source.
        path: of its file below the cache's root; a part of it when `offset_bytes` and `size_bytes` say so.
        speaker: source, "/" and the character; "" when it is not certain who speaks.
        dialogue: source, "/" and the file of the dialogue; clips of one dialogue never come apart.
        sample_count: of the decoded sound at `sample_rate_hz`.
        package: name and version of the package that it comes from.
    """

    name: str
    path: str
    offset_bytes: int
    size_bytes: int
    encoding: Encoding
    sample_rate_hz: int
    sample_count: int
    text: str
    speaker: str
    dialogue: str
    licence: str
    package: str

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.sample_count / self.sample_rate_hz


def read_samples(clip: Clip, root: Path) -> NDArray[np.float32]:
    """The clip's sound, mono in -1..1 at its own rate.

    Args:
        root: of the cache.

    Raises:
        InvalidInput: the file is missing or damaged.
    """
    try:
        with (root / clip.path).open("rb") as file:
            file.seek(clip.offset_bytes)
            data = file.read(clip.size_bytes)
    except OSError as error:
        raise InvalidInput(f"got no {clip.path} ({error.strerror}); fetch its source again", reason="CLIP") from error
    samples, rate_hz = decode(data, clip.encoding, clip.name)
    if (len(samples), rate_hz) != (clip.sample_count, clip.sample_rate_hz):
        raise InvalidInput(
            f"got {len(samples)} samples at {rate_hz} Hz of {clip.name}, expected {clip.sample_count} at "
            f"{clip.sample_rate_hz}; fetch its source again",
            reason="CLIP",
        )
    return samples


def decode(data: bytes, encoding: Encoding, name: str) -> tuple[NDArray[np.float32], int]:
    """Samples (mono, -1..1) and their rate; `name` is for messages.

    Raises:
        InvalidInput: it cannot be decoded or has no sound.
    """
    pieces = []
    rate_hz = 0
    try:
        with av.open(BytesIO(data), "r", format=encoding) as container:
            resampler = av.AudioResampler(format="flt", layout="mono")
            for frame in container.decode(audio=0):
                rate_hz = frame.sample_rate
                pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    except (av.FFmpegError, IndexError) as error:
        raise InvalidInput(f"got {name} that is no {encoding} sound ({error})", reason="CLIP") from error
    if not pieces:
        raise InvalidInput(f"got {name} without sound", reason="CLIP")
    return np.concatenate(pieces).astype(np.float32), rate_hz
