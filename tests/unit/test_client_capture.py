"""A media file as a microphone and a camera would give it."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from wan_streamer.client.capture import pieces, read_ahead
from wan_streamer.errors import InvalidInput
from wan_streamer.media.files import AudioBlock, MediaFile, VideoBlock, read_media
from wan_streamer.media.mp4_writer import Mp4Writer


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """0.8 s of tone and moving grey at 48 kHz and 25 frames a second."""
    path = tmp_path / "clip.mp4"
    with Mp4Writer(path, 64, 48, 48_000) as writer:
        for unit_index in range(5):
            frames = np.full((4, 48, 64, 3), 40 * unit_index, np.uint8)
            writer.write(frames, (8000 * np.sin(np.arange(7680) / 20)).astype(np.int16))
    return path


def test_pieces_come_when_they_are_complete(clip: Path) -> None:
    """Pieces are ordered by the time at which a device would have them: sound at its end, a frame at its capture."""
    media = read_media(clip)
    in_order = list(pieces(media))
    assert [piece.due_us for piece in in_order] == sorted(piece.due_us for piece in in_order)
    for piece in in_order:
        if isinstance(piece.block, VideoBlock):
            assert piece.due_us == piece.block.capture_offset_us
        else:
            assert piece.due_us == piece.block.capture_offset_us + len(piece.block.data) // 2 * 1_000_000 // 48_000
    assert sum(isinstance(piece.block, VideoBlock) for piece in in_order) == 20


async def test_read_ahead_gives_the_same_pieces(clip: Path) -> None:
    """Decoding in a thread changes neither what comes nor its order, and leaving early ends the thread."""
    media = read_media(clip)
    async with read_ahead(media) as ahead:
        assert [piece async for piece in ahead] == list(pieces(media))
    async with read_ahead(media) as ahead:
        first = await anext(ahead)
        assert isinstance(first.block, AudioBlock | VideoBlock)


async def drain(media: MediaFile) -> None:
    async with read_ahead(media) as ahead:
        async for _ in ahead:
            pass


def test_a_broken_file_is_an_error_of_the_reader(clip: Path) -> None:
    """What breaks in the thread is raised where the pieces are read."""
    media = read_media(clip)
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    with pytest.raises(InvalidInput):
        asyncio.run(drain(media))
