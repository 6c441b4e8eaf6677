"""Chunks of PCM on the conversation's clock: order, gaps, lateness, and the samples of one unit."""

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.media.formats import (
    CAPTURE_TOLERANCE_PERCENT,
    CAPTURE_TOLERANCE_US,
    INT16_SCALE,
    MAX_AUDIO_CHUNK_US,
    AudioFormat,
)
from wan_streamer.media.resampler import UnitResampler

US_PER_SECOND = 1_000_000


class AudioTrack:
    """The audio of one attachment. Indices are source samples (per channel), counted from capture offset 0.

    The timeline is filled without holes up to `_filled_end`: with samples that came, or with silence for a gap that a
    later chunk showed or a forced cut made. `_next_index` is the end of the last chunk and only checks the order.
    """

    def __init__(self, format: AudioFormat, target_rate_hz: int, first_unit_index: int) -> None:
        self.format = format
        self.resampler = UnitResampler(format.sample_rate_hz, target_rate_hz)
        self._next_index = 0
        # Samples of before the first unit, where they come (again, on a resume), are heard by its filter.
        self._filled_end = max(0, self.resampler.window(first_unit_index)[0])
        self._samples: NDArray[np.float32] = np.zeros(0, np.float32)
        self._gaps: list[tuple[int, int]] = []

    def push(self, first_sample_index: int, capture_offset_us: int, pcm: bytes, newest_allowed_us: int) -> None:
        """Adds a chunk; see `UnitCutter.push_audio` for the errors. Samples of units already cut are dropped."""
        count = self._check(first_sample_index, capture_offset_us, len(pcm), newest_allowed_us)
        samples = self._to_mono(pcm)
        self._next_index = first_sample_index + count
        late_count = min(max(0, self._filled_end - first_sample_index), count)
        if first_sample_index > self._filled_end:
            self._fill_with_silence(first_sample_index, lost=True)
        self._samples = np.concatenate([self._samples, samples[late_count:]])
        self._filled_end = max(self._filled_end, self._next_index)

    def is_complete(self, unit_index: int) -> bool:
        """Whether all samples that the unit is made of have come."""
        return self._filled_end >= self.resampler.window(unit_index)[1]

    def reaches(self, unit_index: int) -> bool:
        """Whether any sample at or after the unit's beginning has come."""
        return self._filled_end > self.resampler.unit_begin(unit_index)

    def take(self, unit_index: int, *, ended: bool) -> tuple[NDArray[np.float32], int]:
        """The unit's source window for the resampler and the count of its lost target samples; moves past the unit.

        What is missing becomes silence: lost, or, when the input has `ended`, simply its end.
        """
        next_begin = self.resampler.unit_begin(unit_index + 1)
        if self._filled_end < next_begin:
            self._fill_with_silence(next_begin, lost=not ended)
        window = self._read(*self.resampler.window(unit_index))
        self._forget_before(self.resampler.window(unit_index + 1)[0])
        return window, self._count_lost(unit_index)

    def _check(self, first_sample_index: int, capture_offset_us: int, byte_count: int, newest_allowed_us: int) -> int:
        """Sample count of a chunk that may be added; InvalidInput otherwise."""
        rate_hz = self.format.sample_rate_hz
        count, rest = divmod(byte_count, self.format.bytes_per_sample)
        if rest:
            raise InvalidInput(
                f"got an audio chunk of {byte_count} bytes, expected a multiple of {self.format.bytes_per_sample} "
                f"(s16le, {self.format.channel_count} channels); send whole samples",
                reason="AUDIO_SIZE",
            )
        if count * US_PER_SECOND > MAX_AUDIO_CHUNK_US * rate_hz:
            raise InvalidInput(
                f"got an audio chunk of {count} samples, expected at most {MAX_AUDIO_CHUNK_US // 1000} ms "
                f"({MAX_AUDIO_CHUNK_US * rate_hz // US_PER_SECOND}); send shorter chunks, best of 10 to 40 ms",
                reason="AUDIO_TOO_LONG",
            )
        if first_sample_index < self._next_index:
            raise InvalidInput(
                f"got first_sample_index {first_sample_index}, expected {self._next_index} or more; "
                "count samples up from the first capture and send every sample once",
                reason="AUDIO_ORDER",
            )
        index_us = first_sample_index * US_PER_SECOND // rate_hz
        tolerance_us = CAPTURE_TOLERANCE_US + index_us * CAPTURE_TOLERANCE_PERCENT // 100
        if abs(capture_offset_us - index_us) > tolerance_us:
            raise InvalidInput(
                f"got capture_offset_us {capture_offset_us} for sample {first_sample_index}, which is {index_us} us at "
                f"{rate_hz} Hz, expected them within {tolerance_us} us; declare the rate that the samples really have",
                reason="SAMPLE_RATE_MISMATCH",
            )
        end_us = (first_sample_index + count) * US_PER_SECOND // rate_hz
        if end_us > newest_allowed_us:
            raise InvalidInput(
                f"got audio up to {end_us} us, expected at most {newest_allowed_us} us for now; send media at the pace "
                "of its capture",
                reason="MEDIA_TOO_FAR_AHEAD",
            )
        return count

    def _to_mono(self, pcm: bytes) -> NDArray[np.float32]:
        channels = np.frombuffer(pcm, "<i2").reshape(-1, self.format.channel_count)
        summed = channels.sum(axis=1, dtype=np.int32)
        return np.asarray(summed / (INT16_SCALE * self.format.channel_count), np.float32)

    def _fill_with_silence(self, end: int, *, lost: bool) -> None:
        if lost:
            self._gaps.append((self._filled_end, end))
        self._samples = np.concatenate([self._samples, np.zeros(end - self._filled_end, np.float32)])
        self._filled_end = end

    def _read(self, begin: int, end: int) -> NDArray[np.float32]:
        """Samples [begin, end); silence outside of what is held: before the start and past the newest sample."""
        held_begin = self._filled_end - len(self._samples)
        window = np.zeros(end - begin, np.float32)
        first, last = max(begin, held_begin), min(end, self._filled_end)
        if first < last:
            window[first - begin : last - begin] = self._samples[first - held_begin : last - held_begin]
        return window

    def _forget_before(self, begin: int) -> None:
        held_begin = self._filled_end - len(self._samples)
        self._samples = self._samples[max(0, begin - held_begin) :].copy()

    def _count_lost(self, unit_index: int) -> int:
        unit_begin = unit_index * self.resampler.samples_per_unit
        unit_end = unit_begin + self.resampler.samples_per_unit
        lost = 0
        for gap_begin, gap_end in self._gaps:
            begin, end = self.resampler.target_index(gap_begin), self.resampler.target_index(gap_end)
            lost += max(0, min(end, unit_end) - max(begin, unit_begin))
        self._gaps = [gap for gap in self._gaps if self.resampler.target_index(gap[1]) > unit_end]
        return lost
