"""Video files -> batches of units of four frames."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.media.files import read_media
from wan_streamer.media.formats import UnitFormat
from wan_streamer.model.config import VideoCodecConfig
from wan_streamer.train.clips import Clips, cached_clips, item_random
from wan_streamer.train.manifest import DataFile, DataManifest
from wan_streamer.train.media_units import file_units
from wan_streamer.train.recipe import VideoCodecRecipe
from wan_streamer.train.takes import take_units
from wan_streamer.unit import FRAMES_PER_UNIT

# The cutter wants a rate; the pictures of a data set are cut without their sound.
ANY_RATE_HZ = 16_000
JPEG_QUALITY = 98
HALF_RANGE = 127.5
# Squared steps of 8 bits: where nothing moves every place is as good as another.
SMALLEST_MOVED = 1e-3


def video_clips(manifest: DataManifest, config: VideoCodecConfig, cache_dir: Path) -> Clips:
    """Every file as whole units of frames, uint8 [units, 4, height, width, 3], 25 a second, letterboxed.

    Raises:
        InvalidInput: a file has no pictures or cannot be read; the message names it.
    """
    shape = (FRAMES_PER_UNIT, config.height, config.width, 3)
    kind = f"video-{config.width}x{config.height}"
    return cached_clips(manifest, kind, (np.dtype(np.uint8), shape), lambda file: _units(file, config), cache_dir)


def _units(file: DataFile, config: VideoCodecConfig) -> Iterator[NDArray[np.uint8]]:
    return _decode(file.path, config) if file.take is None else take_units(file.take, config.height, config.width)


def _decode(path: Path, config: VideoCodecConfig) -> Iterator[NDArray[np.uint8]]:
    # Without the sound, which often ends later and would hold the last picture.
    media = dataclasses.replace(read_media(path, jpeg_quality=JPEG_QUALITY), audio_format=None)
    if media.video_format is None:
        raise InvalidInput(
            f"got {path} without pictures, expected a film; remove it from the data", reason="DATA_NO_VIDEO"
        )
    target = UnitFormat(audio_sample_rate_hz=ANY_RATE_HZ, video_width=config.width, video_height=config.height)
    for unit in file_units(media, target):
        if not unit.video_lost:
            yield unit.video[None]


def video_batch(
    clips: Clips, which: NDArray[np.int64], recipe: VideoCodecRecipe, step: int, items: Sequence[int]
) -> Tensor:
    """Frames [items, units, 4, 3, height, width] in -1..1; the recipe's columns of them, or all."""
    pieces = []
    for item in items:
        random = item_random(recipe.seed, step, item)
        piece = clips.draw(which, recipe.units, random, recipe.shares)
        pieces.append(moving_columns(piece, recipe.columns, recipe.codec.stride, random) if recipe.columns else piece)
    return as_frames(np.stack(pieces))


def moving_columns(units: NDArray[np.uint8], count: int, stride: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """`count` neighbouring columns of `stride` pixels of [units, 4, height, width, 3], by chance where most moves."""
    frames = units.reshape(-1, *units.shape[2:])[:, ::2, ::2].astype(np.float32)
    moved = np.square(np.diff(frames, axis=0)).mean(axis=(0, 1, 3)).reshape(-1, stride // 2).mean(axis=1)
    moved += moved.mean() + SMALLEST_MOVED
    chances = np.convolve(moved, np.ones(count), "valid")
    first = int(random.choice(len(chances), p=chances / chances.sum())) * stride
    return units[..., first : first + count * stride, :]


def as_frames(units: NDArray[np.uint8]) -> Tensor:
    """Pictures uint8 [..., height, width, 3] -> frames [..., 3, height, width] in -1..1."""
    return (torch.from_numpy(np.ascontiguousarray(units)).float() / HALF_RANGE - 1).movedim(-1, -3)


def as_pictures(frames: Tensor) -> NDArray[np.uint8]:
    """The way back, rounded."""
    pictures = ((frames.detach().float().cpu() + 1) * HALF_RANGE).round().clamp(0, 255).to(torch.uint8)
    return np.asarray(pictures.movedim(-3, -1).numpy())
