"""What a microphone and a camera would give, from a media file: small pieces, each at the time it would be there."""

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from wan_streamer.media.files import AudioBlock, MediaFile, VideoBlock

CHUNK_MS: Final = 20
# Pieces that may be decoded ahead of the clock: about 20 s, so that decoding takes no time from the conversation.
READ_AHEAD_COUNT: Final = 1500


class CaptureClock:
    """The visitor's clock: microseconds since the first capture. One reading of the system's clocks, so nothing drifts."""

    def __init__(self) -> None:
        self._start_monotonic_ns = time.monotonic_ns()
        self.start_unix_ns = time.time_ns()

    def now_us(self) -> int:
        """The time now."""
        return self.at_monotonic_ns(time.monotonic_ns())

    def at_monotonic_ns(self, monotonic_ns: int) -> int:
        """The time of a `time.monotonic_ns()` stamp."""
        return (monotonic_ns - self._start_monotonic_ns) // 1000

    def unix_ns(self, capture_us: int) -> int:
        """Wall time of a time on this clock, nanoseconds since 1970."""
        return self.start_unix_ns + capture_us * 1000

    async def sleep_until(self, capture_us: int) -> None:
        """Waits for a time on this clock; returns at once when it is over."""
        await asyncio.sleep(max(0.0, (capture_us - self.now_us()) / 1e6))


@dataclass(frozen=True, order=True)
class Piece:
    """One audio chunk or one frame. `due_us` is when it is complete: a chunk at its end, a frame at its capture."""

    due_us: int
    order: int
    first_sample_index: int | None = field(compare=False)
    capture_offset_us: int = field(compare=False)
    data: bytes = field(compare=False, repr=False)

    @property
    def is_audio(self) -> bool:
        """Whether this is an audio chunk; otherwise it is a JPEG."""
        return self.first_sample_index is not None


def pieces(media: MediaFile) -> Iterator[Piece]:
    """The file as audio chunks of 20 ms and frames, in the order in which they are complete."""
    chunker = _Chunker(media)
    waiting: list[Piece] = []
    order = 0
    for block in media:
        # Blocks begin in time order, so what is complete before this one begins can wait for nothing else.
        while waiting and waiting[0].due_us <= block.capture_offset_us:
            yield heapq.heappop(waiting)
        for due_us, first_sample_index, offset_us, data in chunker.take(block):
            heapq.heappush(waiting, Piece(due_us, order, first_sample_index, offset_us, data))
            order += 1
    for due_us, first_sample_index, offset_us, data in chunker.rest():
        heapq.heappush(waiting, Piece(due_us, order, first_sample_index, offset_us, data))
        order += 1
    while waiting:
        yield heapq.heappop(waiting)
