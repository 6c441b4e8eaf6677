"""Media files through FFmpeg: any file it reads becomes what a client would send (and Mp4Writer for the way back)."""

import contextlib
import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
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
from wan_streamer.media.mp4_writer import Mp4Writer
from wan_streamer.unit import FRAMES_PER_SECOND

__all__ = ["AudioBlock", "MediaFile", "Mp4Writer", "VideoBlock", "read_media"]

US_PER_SECOND = 1_000_000
AUDIO_BLOCKS_PER_SECOND = 50
SMALLER_JPEG_QUALITY = 50
# Outside of these a header is damaged, and resampling by such a ratio would take hours or gigabytes.
LOWEST_FILE_SAMPLE_RATE_HZ, HIGHEST_FILE_SAMPLE_RATE_HZ = 1_000, 768_000

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
            stream = _sound_stream(container)
            assert stream is not None
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
            for frame in itertools.chain(container.decode(stream), [None]):
                for mono in _mono(resampler, frame):
                    samples = np.asarray(mono.to_ndarray(), np.int16).reshape(-1)
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
        picture = np.asarray(frame.to_ndarray(format="rgb24", width=width, height=height), np.uint8)
        jpeg = encode_jpeg(picture, self.jpeg_quality)
        return jpeg if len(jpeg) <= MAX_FRAME_BYTES else encode_jpeg(picture, SMALLER_JPEG_QUALITY)


def read_media(path: Path | str, *, jpeg_quality: int = 90) -> MediaFile:
    """Opens a media file of any kind FFmpeg reads: its first audio and its first video stream.

    Audio comes as mono at the file's own rate where a client may send that (8 to 48 kHz), resampled otherwise; frames
    come at their own times, scaled down where they are over the size limit. Rotation metadata is ignored.

    Raises:
        InvalidInput: FILE_NOT_FOUND, FILE_UNREADABLE (not media, or damaged), FILE_NO_MEDIA (neither audio nor video).
    """
    path = Path(path)
    with _reading(path) as container:
        audio = _sound_stream(container)
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


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[InputContainer]:
    """An open file; FFmpeg's errors become InvalidInput."""
    if not path.is_file():
        raise InvalidInput(f"got {path}, expected a media file; there is none, check the path", reason="FILE_NOT_FOUND")
    try:
        # Broken text in metadata, which is not read here, must not keep the media from being read.
        with av.open(str(path), metadata_errors="replace") as container:
            yield container
    except av.error.FFmpegError as error:
        raise InvalidInput(
            f"cannot read {path} as media ({error}); check that it plays elsewhere, or convert it to MP4",
            reason="FILE_UNREADABLE",
        ) from error


def _sound_stream(container: InputContainer) -> AudioStream | None:
    """The first audio stream that FFmpeg has a decoder for (PyAV gives the others no codec context)."""
    return next((stream for stream in container.streams.audio if stream.codec_context), None)


def _picture_stream(container: InputContainer) -> VideoStream | None:
    """The first video stream with a decoder that is not the cover of a sound file."""
    pictures = (stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic)
    return next((stream for stream in pictures if stream.codec_context), None)


def _mono(resampler: av.AudioResampler, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
    try:
        return resampler.resample(frame)
    except ValueError as error:
        raise InvalidInput(
            "got a file whose sound changes its format on the way, expected one format; convert it to MP4",
            reason="FILE_UNREADABLE",
        ) from error


def _audio_format(stream: AudioStream | None) -> AudioFormat | None:
    if stream is None:
        return None
    if not LOWEST_FILE_SAMPLE_RATE_HZ <= stream.rate <= HIGHEST_FILE_SAMPLE_RATE_HZ:
        raise InvalidInput(
            f"got sound at {stream.rate} Hz, expected {LOWEST_FILE_SAMPLE_RATE_HZ} to {HIGHEST_FILE_SAMPLE_RATE_HZ}; "
            "the file is damaged",
            reason="FILE_UNREADABLE",
        )
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
