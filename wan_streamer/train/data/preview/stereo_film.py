"""Pages and two voices -> an MP4 that browsers play."""

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from wan_streamer.media.mp4_writer import H264_OPTIONS
from wan_streamer.unit import FRAMES_PER_SECOND

FULL_SCALE: Final = 32767


class StereoFilm:
    """Writes H.264 at 25 frames a second and AAC with two channels.

    A context manager. The file gets its name when the block ends well; when it ends in an error, nothing is left.

    Raises:
        OSError: the folder cannot be written.
    """

    def __init__(self, path: Path, width: int, height: int, sample_rate_hz: int) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._size = (width, height)
        self._rate_hz = sample_rate_hz
        self._frame_count = 0
        self._sample_count = 0

    def __enter__(self) -> Self:
        self._part.touch()
        self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        self._video = self._container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=H264_OPTIONS)
        self._video.width, self._video.height = self._size
        self._video.pix_fmt = "yuv420p"
        self._video.codec_context.colorspace = Colorspace.ITU601
        self._video.codec_context.color_range = ColorRange.MPEG
        self._audio = self._container.add_stream("aac", rate=self._rate_hz, layout="stereo")
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._container.mux([*self._video.encode(None), *self._audio.encode(None)])
            self._container.close()
            if error is None:
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)

    def write_frame(self, page: NDArray[np.uint8]) -> None:
        """Appends a picture, uint8 [height, width, 3]."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(page), format="rgb24")
        frame.pts, frame.time_base = self._frame_count, Fraction(1, FRAMES_PER_SECOND)
        self._frame_count += 1
        self._container.mux(self._video.encode(frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU601)))

    def write_sound(self, left: NDArray[np.float32], right: NDArray[np.float32]) -> None:
        """Appends samples, -1 to 1."""
        both = np.clip(np.stack([left, right], axis=1), -1, 1) * FULL_SCALE
        sound = av.AudioFrame.from_ndarray(both.astype(np.int16).reshape(1, -1), format="s16", layout="stereo")
        sound.sample_rate = self._rate_hz
        sound.pts, sound.time_base = self._sample_count, Fraction(1, self._rate_hz)
        self._sample_count += len(left)
        self._container.mux(self._audio.encode(sound))
