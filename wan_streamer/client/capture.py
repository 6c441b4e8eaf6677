"""What a microphone and a camera would give, from a media file: small pieces, each at the time it would be there."""

import asyncio
import heapq
import queue
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from wan_streamer.errors import WanStreamerError
from wan_streamer.media.files import AudioBlock, MediaFile, VideoBlock

# Pieces that may be decoded ahead of the clock: about 20 s, so that decoding takes no time from the conversation.
READ_AHEAD_COUNT: Final = 1500


class CaptureClock:
    """The visitor's clock: microseconds since the first capture. Read once at the start, so nothing drifts."""

    def __init__(self) -> None:
        self._start_monotonic_ns = time.monotonic_ns()
        self._start_unix_ns = time.time_ns()

    def now_us(self) -> int:
        """The time now."""
        return self.at_monotonic_ns(time.monotonic_ns())

    def at_monotonic_ns(self, monotonic_ns: int) -> int:
        """The time of a `time.monotonic_ns()` stamp."""
        return (monotonic_ns - self._start_monotonic_ns) // 1000

    def unix_ns(self, capture_us: int) -> int:
        """Wall time of a time on this clock, nanoseconds since 1970."""
        return self._start_unix_ns + capture_us * 1000

    async def sleep_until(self, capture_us: int) -> None:
        """Waits for a time on this clock; returns at once when it is over."""
        await asyncio.sleep(max(0.0, (capture_us - self.now_us()) / 1e6))


@dataclass(frozen=True, order=True)
class Piece:
    """One block of the file. `due_us` is when it is complete: audio at its end, a frame at its capture."""

    due_us: int
    order: int
    block: AudioBlock | VideoBlock = field(compare=False)


def pieces(media: MediaFile) -> Iterator[Piece]:
    """The blocks of the file in the order in which they are complete."""
    waiting: list[Piece] = []
    for order, block in enumerate(media):
        # Blocks begin in time order: what is complete before this one begins waits for nothing any more.
        while waiting and waiting[0].due_us <= block.capture_offset_us:
            yield heapq.heappop(waiting)
        heapq.heappush(waiting, Piece(block.capture_offset_us + _duration_us(media, block), order, block))
    while waiting:
        yield heapq.heappop(waiting)


@asynccontextmanager
async def read_ahead(media: MediaFile) -> AsyncIterator[AsyncIterator[Piece]]:
    """Decodes a file in a thread, ahead of whoever iterates; entered when the read-ahead is full.

    Raises:
        InvalidInput: while iterating, where the file cannot be decoded.
    """
    reader = _Reader(media)
    reader.start()
    try:
        await asyncio.to_thread(reader.ready.wait)
        yield _drain(reader)
    finally:
        reader.stop()


class _Reader(threading.Thread):
    def __init__(self, media: MediaFile) -> None:
        super().__init__(name="read-ahead", daemon=True)
        self._media = media
        self._is_stopped = False
        self.ready = threading.Event()
        self.queue: queue.Queue[Piece | WanStreamerError | None] = queue.Queue(READ_AHEAD_COUNT)

    def run(self) -> None:
        try:
            for piece in pieces(self._media):
                self._put(piece)
                if self._is_stopped:
                    return
            self._put(None)
        except WanStreamerError as error:
            self._put(error)
        finally:
            self.ready.set()

    def stop(self) -> None:
        self._is_stopped = True
        self.ready.set()

    def _put(self, item: Piece | WanStreamerError | None) -> None:
        while not self._is_stopped:
            if self.queue.full():
                self.ready.set()
            try:
                self.queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return


async def _drain(reader: _Reader) -> AsyncIterator[Piece]:
    while True:
        try:
            item = reader.queue.get_nowait()
        except queue.Empty:
            await asyncio.sleep(0.005)
            continue
        if item is None:
            return
        if isinstance(item, WanStreamerError):
            raise item
        yield item


def _duration_us(media: MediaFile, block: AudioBlock | VideoBlock) -> int:
    if isinstance(block, VideoBlock):
        return 0
    assert media.audio_format is not None
    return len(block.data) // media.audio_format.bytes_per_sample * 1_000_000 // media.audio_format.sample_rate_hz
