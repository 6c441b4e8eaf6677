"""A spoken clip as one FLAC file that any player plays; the times are in its comment."""

import io
import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.spoken_clip import Phone, SpokenClip
from wan_streamer.train.data.voices.aligner import How

FORMAT: Final = "wan-streamer-clip-1"
INT16_MAX: Final = 32767


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredClip:
    """A clip and how its times were found."""

    clip: SpokenClip
    how: How


def quantize(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What 16 bits keep of a sound, so that a fresh clip equals a stored one."""
    return (_int16(samples) / np.float32(INT16_MAX)).astype(np.float32)


def clip_to_bytes(stored: StoredClip) -> bytes:
    """The whole file; samples must be quantized."""
    clip = stored.clip
    comment = {
        "format": FORMAT,
        "voice": clip.voice,
        "text": clip.text,
        "how": stored.how,
        "words": clip.words,
        "phones": [[phone.name, phone.begin_us, phone.end_us] for phone in clip.phones],
    }
    target = io.BytesIO()
    with av.open(target, "w", format="flac") as container:
        container.metadata["comment"] = json.dumps(comment, separators=(",", ":"))
        stream = container.add_stream("flac", rate=clip.sample_rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(_int16(clip.samples)[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = clip.sample_rate_hz, Fraction(1, clip.sample_rate_hz)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def clip_from_bytes(data: bytes) -> StoredClip:
    """What `clip_to_bytes` wrote.

    Raises:
        InvalidInput: it is damaged or of another format.
    """
    try:
        with av.open(io.BytesIO(data), "r", format="flac") as container:
            comment = json.loads(container.metadata.get("comment", "{}"))
            frames = list(container.decode(audio=0))
            samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        if comment.get("format") != FORMAT:
            raise ValueError(f"format {comment.get('format')}")
        clip = SpokenClip(
            voice=comment["voice"],
            text=comment["text"],
            sample_rate_hz=frames[0].sample_rate,
            samples=(samples / np.float32(INT16_MAX)).astype(np.float32),
            words=tuple((begin_us, end_us) for begin_us, end_us in comment["words"]),
            phones=tuple(Phone(name=n, begin_us=b, end_us=e) for n, b, e in comment["phones"]),
        )
        return StoredClip(clip=clip, how=comment["how"])
    except (av.FFmpegError, ValueError, KeyError, IndexError) as error:
        raise InvalidInput(f"got a spoken clip that cannot be read ({error}); delete it", reason="CLIP") from error


def _int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.rint(np.clip(samples, -1.0, 1.0) * INT16_MAX).astype(np.int16)
