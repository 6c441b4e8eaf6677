"""Media files through FFmpeg: any file it reads becomes what a client would send; units become an MP4."""

import contextlib
import heapq
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.media.formats import (
    MAX_AUDIO_SAMPLE_RATE_HZ,
    MAX_FRAME_BYTES,
    MAX_FRAME_HEIGHT,
    MAX_FRAME_RATE_HZ,
    MAX_FRAME_WIDTH,
    MIN_AUDIO_SAMPLE_RATE_HZ,
    MIN_FRAME_RATE_HZ,
    AudioFormat,
    VideoFormat,
)
from wan_streamer.media.jpeg import encode_jpeg
from wan_streamer.media.letterbox import fitted_size
from wan_streamer.unit import FRAMES_PER_SECOND

US_PER_SECOND = 1_000_000
AUDIO_BLOCKS_PER_SECOND = 50
SMALLER_JPEG_QUALITY = 50
H264_OPTIONS = {"crf": "18", "preset": "veryfast"}

# A container's times are rounded (WebM: to 1 ms), so samples are counted; only a jump beyond this is a real gap.
AUDIO_GAP_S = Fraction(1, 20)


@dataclass(frozen=True, kw_only=True)
class AudioBlock:
    """20 ms of s16le mono (the last one and one before a gap may be shorter)."""

    first_sample_index: int
    capture_offset_us: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class VideoBlock:
    """One JPEG frame at its own time."""

    capture_offset_us: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class MediaFile:
    """A file as a client would send it. Iterating opens it, each time anew, and decodes as it goes.

    Times count from the first sample or frame. `duration_us` is None when the file does not say it.
    Iteration raises InvalidInput (FILE_UNREADABLE) where the media cannot be decoded.
    """

    path: Path
    audio_format: AudioFormat | None
    video_format: VideoFormat | None
    duration_us: int | None
    start: Fraction
    jpeg_quality: int

    def __iter__(self) -> Iterator[AudioBlock | VideoBlock]:
        # Each stream has its own demuxer: blocks come in time order from any interleaving, with nothing queued.
        audio = self._audio_blocks() if self.audio_format else iter(())
        video = self._video_blocks() if self.video_format else iter(())
        return heapq.merge(audio, video, key=lambda block: block.capture_offset_us)

    def _audio_blocks(self) -> Iterator[AudioBlock]:
        assert self.audio_format is not None
        rate_hz = self.audio_format.sample_rate_hz
        block_samples = rate_hz // AUDIO_BLOCKS_PER_SECOND
        held, held_index = np.zeros(0, np.int16), 0
        for index, samples in self._audio_samples(rate_hz):
            if index != held_index + len(held):
                if len(held):
                    yield _audio_block(held_index, held, rate_hz)
                held, held_index = held[:0], index
            held = np.concatenate([held, samples])
            while len(held) >= block_samples:
                yield _audio_block(held_index, held[:block_samples], rate_hz)
                held, held_index = held[block_samples:], held_index + block_samples
        if len(held):
            yield _audio_block(held_index, held, rate_hz)

    def _audio_samples(self, rate_hz: int) -> Iterator[tuple[int, NDArray[np.int16]]]:
        """Runs of samples with the index of their first one; indices never go back."""
        next_index: int | None = None
        with _reading(self.path) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
            for frame in itertools.chain(container.decode(stream), [None]):
                for mono in resampler.resample(frame):
                    samples = mono.to_ndarray().reshape(-1)
                    next_index = self._audio_index(mono, next_index, rate_hz)
                    early_count = min(max(0, -next_index), len(samples))
                    if len(samples) > early_count:
                        yield next_index + early_count, samples[early_count:]
                    next_index += len(samples)

    def _audio_index(self, frame: av.AudioFrame, next_index: int | None, rate_hz: int) -> int:
        if frame.pts is None or frame.time_base is None:
            return next_index or 0
        index = round((frame.pts * frame.time_base - self.start) * rate_hz)
        if next_index is None or index - next_index > AUDIO_GAP_S * rate_hz:
            return index
        return next_index

    def _video_blocks(self) -> Iterator[VideoBlock]:
        assert self.video_format is not None
        period_us = round(US_PER_SECOND / self.video_format.frame_rate_hz)
        newest_us = -period_us
        with _reading(self.path) as container:
            stream = _picture_stream(container)
            assert stream is not None
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                offset_us = newest_us + period_us
                if frame.pts is not None and frame.time_base is not None:
                    offset_us = round((frame.pts * frame.time_base - self.start) * US_PER_SECOND)
                if offset_us >= max(0, newest_us):
                    newest_us = offset_us
                    yield VideoBlock(capture_offset_us=offset_us, data=self._encode(frame))

    def _encode(self, frame: VideoFrame) -> bytes:
        width, height = frame.width, frame.height
        if width > MAX_FRAME_WIDTH or height > MAX_FRAME_HEIGHT:
            width, height = fitted_size(width, height, MAX_FRAME_WIDTH, MAX_FRAME_HEIGHT)
        picture = frame.to_ndarray(format="rgb24", width=width, height=height)
        jpeg = encode_jpeg(picture, self.jpeg_quality)
        return jpeg if len(jpeg) <= MAX_FRAME_BYTES else encode_jpeg(picture, SMALLER_JPEG_QUALITY)


def read_media(path: Path | str, *, jpeg_quality: int = 90) -> MediaFile:
    """Opens a media file of any kind FFmpeg reads: its first audio and its first video stream.

    Audio comes as mono at the file's own rate where a client may send that (8 to 48 kHz), resampled otherwise; frames come at their own times, scaled down where they are over the size limit. Rotation metadata is ignored.

    Raises:
        InvalidInput: FILE_NOT_FOUND, FILE_UNREADABLE (not media, or damaged), FILE_NO_MEDIA (neither audio nor video).
    """
    path = Path(path)
    with _reading(path) as container:
        audio = container.streams.audio[0] if container.streams.audio else None
        video = _picture_stream(container)
        if audio is None and video is None:
            raise InvalidInput(f"got {path} without audio and video, expected one; try another", reason="FILE_NO_MEDIA")
        starts = [
            stream.start_time * stream.time_base
            for stream in (audio, video)
            if stream is not None and stream.start_time is not None and stream.time_base is not None
        ]
        return MediaFile(
            path=path,
            audio_format=_audio_format(audio),
            video_format=_video_format(video),
            duration_us=container.duration,
            start=min(starts, default=Fraction(0)),
            jpeg_quality=jpeg_quality,
        )


class Mp4Writer:
    """Writes units to an MP4 that browsers play and seek: H.264 at 25 frames a second and mono AAC.

    A context manager. The file gets its name when the block ends well; when it ends in an error, nothing is left.

    Raises:
        InvalidInput: VIDEO_SIZE, width or height is odd or not positive (H.264 in 4:2:0 needs even ones);
            FILE_UNWRITABLE, the directory cannot be written.
    """

    def __init__(self, path: Path | str, width: int, height: int, audio_sample_rate_hz: int) -> None:
        if width <= 0 or height <= 0 or width % 2 or height % 2:
            raise InvalidInput(
                f"got a picture of {width}x{height}, expected even sizes; pad or crop it by one pixel",
                reason="VIDEO_SIZE",
            )
        self._path = Path(path)
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        self._picture_shape = (height, width, 3)
        self._rate_hz = audio_sample_rate_hz
        self._frame_count = 0
        self._sample_count = 0

    def __enter__(self) -> Self:
        try:
            self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        except OSError as error:
            raise InvalidInput(
                f"cannot write {self._path} ({error}); give a path in an existing, writable directory",
                reason="FILE_UNWRITABLE",
            ) from error
        height, width, _ = self._picture_shape
        self._video = self._container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=H264_OPTIONS)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        self._video.codec_context.colorspace = Colorspace.ITU601
        self._video.codec_context.color_range = ColorRange.MPEG
        self._audio = self._container.add_stream("aac", rate=self._rate_hz, layout="mono")
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

    def write(self, frames: NDArray[np.uint8], audio: NDArray[np.int16]) -> None:
        """Appends uint8 [n, height, width, 3] frames and int16 [m] samples; both timelines only count.

        Raises:
            ValueError: another shape or type.
        """
        if frames.dtype != np.uint8 or frames.shape[1:] != self._picture_shape:
            raise ValueError(
                f"got frames {frames.dtype} {list(frames.shape)}, expected uint8 {self._picture_shape} each"
            )
        if audio.dtype != np.int16 or audio.ndim != 1:
            raise ValueError(f"got audio {audio.dtype} {list(audio.shape)}, expected int16 [samples]")
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = self._frame_count, Fraction(1, FRAMES_PER_SECOND)
            self._frame_count += 1
            self._container.mux(self._video.encode(frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU601)))
        if len(audio):
            sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio[None]), format="s16", layout="mono")
            sound.sample_rate = self._rate_hz
            sound.pts, sound.time_base = self._sample_count, Fraction(1, self._rate_hz)
            self._sample_count += len(audio)
            self._container.mux(self._audio.encode(sound))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[InputContainer]:
    """An open file; FFmpeg's errors become InvalidInput."""
    if not path.is_file():
        raise InvalidInput(f"got {path}, expected a media file; there is none, check the path", reason="FILE_NOT_FOUND")
    try:
        with av.open(str(path)) as container:
            yield container
    except av.error.FFmpegError as error:
        raise InvalidInput(
            f"cannot read {path} as media ({error}); check that it plays elsewhere, or convert it to MP4",
            reason="FILE_UNREADABLE",
        ) from error


def _picture_stream(container: InputContainer) -> VideoStream | None:
    """The first video stream that is not the cover of a sound file."""
    pictures = (stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic)
    return next(pictures, None)


def _audio_format(stream: AudioStream | None) -> AudioFormat | None:
    if stream is None:
        return None
    rate_hz = min(max(stream.rate, MIN_AUDIO_SAMPLE_RATE_HZ), MAX_AUDIO_SAMPLE_RATE_HZ)
    return AudioFormat(sample_rate_hz=rate_hz, channel_count=1)


def _video_format(stream: VideoStream | None) -> VideoFormat | None:
    if stream is None:
        return None
    rate_hz = float(stream.average_rate or stream.guessed_rate or FRAMES_PER_SECOND)
    return VideoFormat(frame_rate_hz=min(max(rate_hz, MIN_FRAME_RATE_HZ), MAX_FRAME_RATE_HZ))


def _audio_block(first_sample_index: int, samples: NDArray[np.int16], rate_hz: int) -> AudioBlock:
    return AudioBlock(
        first_sample_index=first_sample_index,
        capture_offset_us=first_sample_index * US_PER_SECOND // rate_hz,
        data=samples.astype("<i2").tobytes(),
    )
