"""Picture and sound into one MP4 that browsers play and seek."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from visitor.voice import SAMPLE_RATE_HZ, Speech

# Baseline keeps frames in order (no B-frames), so every decoder can start at once; a key frame each second makes it
# seekable.
VIDEO_OPTIONS = {
    "crf": "21",
    "preset": "slow",
    "profile": "baseline",
    "level": "3.1",
    "g": "25",
    "x264-params": "threads=1",
}
AUDIO_BIT_RATE = 96_000


def write_film(
    path: Path, frames: Iterable[NDArray[np.uint8]], speech: Speech, *, width: int, height: int, frame_rate_hz: int
) -> None:
    """Write beside `path` first, so that a failure leaves an older film whole."""
    partial = path.with_suffix(".partial.mp4")
    with av.open(str(partial), "w", options={"movflags": "+faststart"}) as container:
        container.metadata["title"] = "A synthetic visitor at a museum's front desk"
        container.metadata["comment"] = "Rendered and synthesized; no real person. See examples/README.md"
        video = container.add_stream("libx264", rate=frame_rate_hz, options=VIDEO_OPTIONS)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        context = video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = int(Colorspace.ITU709)
        context.color_range = int(ColorRange.MPEG)
        audio = container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono")
        audio.bit_rate = AUDIO_BIT_RATE
        pending = _audio_frames(speech)
        for index, image in enumerate(frames):
            container.mux(video.encode(_video_frame(image, index, frame_rate_hz)))
            container.mux(audio.encode(next(pending)))  # one picture, then its sound: players need not search
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    partial.replace(path)


def _video_frame(image: NDArray[np.uint8], index: int, frame_rate_hz: int) -> av.VideoFrame:
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    frame = rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    frame.pts, frame.time_base = index, Fraction(1, frame_rate_hz)
    return frame


def _audio_frames(speech: Speech, samples_per_frame: int = SAMPLE_RATE_HZ // 25) -> Iterator[av.AudioFrame]:
    for start in range(0, len(speech.samples), samples_per_frame):
        frame = av.AudioFrame.from_ndarray(
            speech.samples[None, start : start + samples_per_frame], format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, start, Fraction(1, SAMPLE_RATE_HZ)
        yield frame
