"""Media on its way out: from what a caller hands over to the messages of the wire, with the clock kept. No I/O."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.media.formats import AudioFormat, VideoFormat
from wan_streamer.media.jpeg import encode_jpeg
from wan_streamer.v1 import session_pb2

SAMPLE_BYTES = 2


class OutgoingAudio:
    """Keeps the sample index of one session's audio and cuts what is sent into chunks that the gateway takes."""

    def __init__(self, audio_format: AudioFormat | None) -> None:
        self._format = audio_format
        self._next_sample_index = 0

    def chunks(
        self,
        pcm: NDArray[np.int16] | bytes,
        *,
        max_chunk_us: int,
        first_sample_index: int | None = None,
        capture_offset_us: int | None = None,
    ) -> Iterator[tuple[int, session_pb2.AudioChunk]]:
        """Yields (media time of its end in microseconds, chunk). See `Session.send_audio` for the arguments.

        Raises:
            InvalidInput: wrong type, shape or length, or the session has no audio format.
        """
        if self._format is None:
            raise InvalidInput(
                "got audio, but the session has no audio format; connect with audio=AudioFormat(...)",
                reason="AUDIO_FORMAT",
            )
        rate_hz, channel_count = self._format.sample_rate_hz, self._format.channel_count
        data = pcm_bytes(pcm, channel_count)
        first = self._next_sample_index if first_sample_index is None else first_sample_index
        shift_us = 0 if capture_offset_us is None else capture_offset_us - first * 1_000_000 // rate_hz
        step = max(1, rate_hz * max_chunk_us // 1_000_000)
        end = first + len(data) // (SAMPLE_BYTES * channel_count)
        for index in range(first, end, step):
            chunk_end = min(index + step, end)
            offset = (index - first) * SAMPLE_BYTES * channel_count
            self._next_sample_index = chunk_end
            yield (
                chunk_end * 1_000_000 // rate_hz,
                session_pb2.AudioChunk(
                    first_sample_index=index,
                    capture_offset_us=index * 1_000_000 // rate_hz + shift_us,
                    data=data[offset : offset + (chunk_end - index) * SAMPLE_BYTES * channel_count],
                ),
            )


class OutgoingVideo:
    """Counts one session's frames, which gives those without a capture time their nominal one."""

    def __init__(self, video_format: VideoFormat | None) -> None:
        self._format = video_format
        self._sent_frame_count = 0

    def frame(self, frame: bytes | NDArray[np.uint8], capture_offset_us: int | None) -> session_pb2.VideoFrame:
        """One frame as a message. See `Session.send_frame` for the arguments.

        Raises:
            InvalidInput: the session has no video format.
        """
        if self._format is None:
            raise InvalidInput(
                "got a frame, but the session has no video format; connect with video=VideoFormat(...)",
                reason="VIDEO_FORMAT",
            )
        if capture_offset_us is None:
            capture_offset_us = round(self._sent_frame_count * 1e6 / self._format.frame_rate_hz)
        data = frame if isinstance(frame, bytes) else encode_jpeg(frame)
        self._sent_frame_count += 1
        return session_pb2.VideoFrame(capture_offset_us=capture_offset_us, data=data)


def pcm_bytes(pcm: NDArray[np.int16] | bytes, channel_count: int) -> bytes:
    """Little-endian 16-bit samples, channels interleaved, from an array or from such bytes.

    Raises:
        InvalidInput: wrong type, shape or length.
    """
    if isinstance(pcm, np.ndarray):
        has_channels = pcm.ndim == 2 and pcm.shape[1] == channel_count
        if pcm.dtype != np.int16 or not (pcm.ndim == 1 or has_channels):
            raise InvalidInput(
                f"got audio of type {pcm.dtype} and shape {pcm.shape}, expected int16 [samples] or [samples, "
                f"{channel_count}]; convert floats with (x * 32767).astype(np.int16)",
                reason="AUDIO_FORMAT",
            )
        pcm = pcm.astype("<i2").tobytes()
    if len(pcm) % (SAMPLE_BYTES * channel_count):
        raise InvalidInput(
            f"got {len(pcm)} bytes of audio, expected a multiple of {SAMPLE_BYTES * channel_count} (16 bit, "
            f"{channel_count} channel(s)); do not cut inside a sample",
            reason="AUDIO_FORMAT",
        )
    return pcm
