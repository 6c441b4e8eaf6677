"""Units -> an MP4 that browsers play and seek."""

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.media.provenance import SourceType, label_mp4
from wan_streamer.unit import FRAMES_PER_SECOND

H264_OPTIONS = {"crf": "18", "preset": "veryfast"}
Layout = Literal["mono", "stereo"]
AAC_SAMPLE_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


class Mp4Writer:
    """Writes units to an MP4 that browsers play and seek: H.264 at 25 frames a second and AAC.

    A context manager. The file gets its name when the block ends well; when it ends in an error, nothing is left. With
    `source_type` it says that it was generated (`provenance.py`).

    Raises:
        InvalidInput: VIDEO_SIZE, width or height is odd or not positive (H.264 in 4:2:0 needs even ones);
            AUDIO_FORMAT, AAC has no such rate; FILE_UNWRITABLE, the directory cannot be written.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        audio_sample_rate_hz: int,
        *,
        layout: Layout = "mono",
        source_type: SourceType | None = None,
    ) -> None:
        if width <= 0 or height <= 0 or width % 2 or height % 2:
            raise InvalidInput(
                f"got a picture of {width}x{height}, expected even sizes; pad or crop it by one pixel",
                reason="VIDEO_SIZE",
            )
        if audio_sample_rate_hz not in AAC_SAMPLE_RATES_HZ:
            raise InvalidInput(
                f"got audio of {audio_sample_rate_hz} Hz, expected a rate of AAC; use one of {AAC_SAMPLE_RATES_HZ}",
                reason="AUDIO_FORMAT",
            )
        self._path = Path(path)
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        self._picture_shape = (height, width, 3)
        self._rate_hz, self._layout, self._source_type = audio_sample_rate_hz, layout, source_type
        self._frame_count = 0
        self._sample_count = 0

    def __enter__(self) -> Self:
        try:
            self._part.touch()
        except OSError as error:
            raise InvalidInput(
                f"cannot write {self._path} ({error}); give a path in an existing, writable directory",
                reason="FILE_UNWRITABLE",
            ) from error
        self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        try:
            self._add_streams()
            self._container.start_encoding()
        except BaseException:
            self._container.close()
            self._part.unlink(missing_ok=True)
            raise
        return self

    def _add_streams(self) -> None:
        self._video = self._container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=H264_OPTIONS)
        self._video.height, self._video.width, _ = self._picture_shape
        self._video.pix_fmt = "yuv420p"
        # Said in the file, so that players do not guess the colours from the picture's size.
        self._video.codec_context.colorspace = Colorspace.ITU601
        self._video.codec_context.color_range = ColorRange.MPEG
        self._audio = self._container.add_stream("aac", rate=self._rate_hz, layout=self._layout)

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._container.mux([*self._video.encode(None), *self._audio.encode(None)])
            self._container.close()
            if error is None:
                if self._source_type is not None:
                    label_mp4(self._part, self._source_type)
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)

    def write(self, frames: NDArray[np.uint8], audio: NDArray[np.int16]) -> None:
        """Appends uint8 [n, height, width, 3] frames and int16 [m] samples ([m, 2] of stereo); timelines only count.

        Raises:
            ValueError: another shape or type.
        """
        if frames.dtype != np.uint8 or frames.shape[1:] != self._picture_shape:
            raise ValueError(
                f"got frames {frames.dtype} {list(frames.shape)}, expected uint8 {self._picture_shape} each"
            )
        expected = () if self._layout == "mono" else (2,)
        if audio.dtype != np.int16 or audio.ndim < 1 or audio.shape[1:] != expected:
            wanted = ["samples", *expected]
            raise ValueError(f"got audio {audio.dtype} {list(audio.shape)}, expected int16 {wanted} of {self._layout}")
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = self._frame_count, Fraction(1, FRAMES_PER_SECOND)
            self._frame_count += 1
            self._container.mux(self._video.encode(frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU601)))
        if len(audio):
            sound = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(audio.reshape(1, -1)), format="s16", layout=self._layout
            )
            sound.sample_rate = self._rate_hz
            sound.pts, sound.time_base = self._sample_count, Fraction(1, self._rate_hz)
            self._sample_count += len(audio)
            self._container.mux(self._audio.encode(sound))
