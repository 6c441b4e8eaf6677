"""Media in, exact units of 160 ms out. No clock of its own, no I/O: the caller decides when to cut."""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.media.audio_track import AudioTrack
from wan_streamer.media.formats import MAX_MEDIA_AHEAD_US, AudioFormat, UnitFormat, VideoFormat
from wan_streamer.media.jpeg import decode_jpeg
from wan_streamer.media.letterbox import letterbox
from wan_streamer.media.video_track import Frame, VideoTrack
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit, unit_start_us

NO_PICTURE_GREY = 128


@dataclass(frozen=True, kw_only=True, eq=False)
class CutUnit:
    """What the model hears and sees of one unit: audio float32 [samples], video uint8 [4, height, width, 3]."""

    unit_index: int
    audio: NDArray[np.float32]
    video: NDArray[np.uint8]
    lost_audio_sample_count: int
    video_lost: bool


class UnitCutter:
    """Collects a client's media and cuts it into units at integer positions, so that nothing drifts.

    The units depend on the media and their positions only, never on how they were split into chunks. Without an audio
    format the units are silent, without a video format they are grey; neither counts as lost.

    `push_*` and `end` may be called while `cut` runs in another thread; `cut` itself runs once at a time.
    """

    def __init__(
        self,
        audio: AudioFormat | None,
        video: VideoFormat | None,
        target: UnitFormat,
        first_unit_index: int = 0,
        *,
        max_media_ahead_us: int = MAX_MEDIA_AHEAD_US,
    ) -> None:
        """`max_media_ahead_us` bounds the media kept: larger where the client's pace is held by other means.

        Raises:
            InvalidInput: AUDIO_FORMAT or VIDEO_FORMAT.
        """
        target.check()
        if audio is not None:
            audio.check()
        if video is not None:
            video.check()
        self.next_unit_index = first_unit_index
        self._formats = audio, video
        self._target = target
        self._max_media_ahead_us = max_media_ahead_us
        self._begin_tracks()
        self._ended = False
        self._lock = threading.Lock()
        self._shown: tuple[bytes, NDArray[np.uint8]] | None = None

    def begin_at(self, unit_index: int) -> None:
        """The next unit is this one; only before any media was pushed."""
        with self._lock:
            self.next_unit_index = unit_index
            self._begin_tracks()

    def push_audio(self, first_sample_index: int, capture_offset_us: int, pcm: bytes) -> None:
        """Adds s16le samples (channels interleaved) from `first_sample_index` on; a gap before them is lost audio.

        Samples of units that were already cut are dropped: they were counted as lost then.

        Raises:
            InvalidInput: AUDIO_NOT_DECLARED, MEDIA_AFTER_END, AUDIO_SIZE, AUDIO_TOO_LONG, AUDIO_ORDER,
                SAMPLE_RATE_MISMATCH or MEDIA_TOO_FAR_AHEAD; nothing has changed then.
        """
        with self._lock:
            if self._audio is None:
                raise _not_declared("audio")
            self._check_not_ended()
            self._audio.push(first_sample_index, capture_offset_us, pcm, self._newest_allowed_us())

    def push_video(self, capture_offset_us: int, jpeg: bytes) -> None:
        """Adds one JPEG frame; only its header is read here.

        Raises:
            InvalidInput: VIDEO_NOT_DECLARED, MEDIA_AFTER_END, JPEG_INVALID, FRAME_TOO_LARGE, FRAME_ORDER or
                MEDIA_TOO_FAR_AHEAD; nothing has changed then.
        """
        with self._lock:
            if self._video is None:
                raise _not_declared("video")
            self._check_not_ended()
            self._video.push(capture_offset_us, jpeg, self._newest_allowed_us())

    def end(self) -> None:
        """No more media will come: what is missing from now on is the end, not a loss."""
        with self._lock:
            self._ended = True

    def is_complete(self) -> bool:
        """Whether all media of the next unit has come, so that waiting cannot make it better."""
        with self._lock:
            unit_index = self.next_unit_index
            return self._ended or (
                (self._audio is None or self._audio.is_complete(unit_index))
                and (self._video is None or self._video.is_complete(unit_index))
            )

    def has_media(self) -> bool:
        """Whether media at or after the beginning of the next unit has come: after `end`, whether units are left."""
        with self._lock:
            unit_index = self.next_unit_index
            return (self._audio is not None and self._audio.reaches(unit_index)) or (
                self._video is not None and self._video.reaches(unit_index)
            )

    def cut(self) -> CutUnit:
        """Cuts the next unit now; what has not come is silence or the last picture, and said to be lost.

        Decodes the frames that are shown, which takes milliseconds: run it in a thread.

        Raises:
            InvalidInput: JPEG_INVALID, a chosen frame has a broken body. The unit is gone; later ones can be cut.
        """
        silence: NDArray[np.float32] = np.zeros(samples_per_unit(self._target.audio_sample_rate_hz), np.float32)
        window, lost_audio_sample_count = silence, 0
        frames: list[Frame | None] = [None] * FRAMES_PER_UNIT
        video_lost = False
        with self._lock:
            unit_index = self.next_unit_index
            self.next_unit_index += 1
            if self._audio is not None:
                window, lost_audio_sample_count = self._audio.take(unit_index, ended=self._ended)
            if self._video is not None:
                frames, video_lost = self._video.take(unit_index, ended=self._ended)
        return CutUnit(
            unit_index=unit_index,
            audio=silence if self._audio is None else self._audio.resampler.resample(unit_index, window),
            video=np.stack([self._picture(frame) for frame in frames]),
            lost_audio_sample_count=lost_audio_sample_count,
            video_lost=video_lost,
        )

    def _begin_tracks(self) -> None:
        audio, video = self._formats
        first = self.next_unit_index
        self._audio = AudioTrack(audio, self._target.audio_sample_rate_hz, first) if audio else None
        self._video = VideoTrack(video, first) if video else None

    def _picture(self, frame: Frame | None) -> NDArray[np.uint8]:
        """The frame decoded at the model's size; the last one is kept, since slots and still cameras repeat it."""
        width, height = self._target.video_width, self._target.video_height
        if frame is None:
            return np.full((height, width, 3), NO_PICTURE_GREY, np.uint8)
        if self._shown is None or self._shown[0] != frame.jpeg:
            try:
                decoded = decode_jpeg(frame.jpeg, box=(width, height))
            except InvalidInput:
                with self._lock:
                    assert self._video is not None
                    self._video.drop(frame)
                raise
            self._shown = frame.jpeg, letterbox(decoded, width, height)
        return self._shown[1]

    def _newest_allowed_us(self) -> int:
        return unit_start_us(self.next_unit_index) + self._max_media_ahead_us

    def _check_not_ended(self) -> None:
        if self._ended:
            raise InvalidInput(
                "got media after the end of input, expected none; open a new session to go on", reason="MEDIA_AFTER_END"
            )


def _not_declared(kind: str) -> InvalidInput:
    return InvalidInput(
        f"got {kind}, expected none; declare its format when attaching", reason=f"{kind.upper()}_NOT_DECLARED"
    )
