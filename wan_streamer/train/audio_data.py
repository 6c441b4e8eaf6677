"""Sound files of any kind FFmpeg reads -> batches of samples."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.media.files import AudioBlock, MediaFile, read_media
from wan_streamer.media.formats import INT16_SCALE
from wan_streamer.train.clips import Clips, cached_clips, item_random
from wan_streamer.train.data.sources.clip import Clip, read_samples
from wan_streamer.train.manifest import DataFile, DataManifest

# A voice is as often soft as loud, and its polarity says nothing.
GAIN_DB = (-12.0, 3.0)


def audio_clips(manifest: DataManifest, sample_rate_hz: int, cache_dir: Path) -> Clips:
    """Every file as int16 mono at this rate, resampled by soxr once.

    Raises:
        InvalidInput: a file has no sound or cannot be read; the message names it.
    """
    element = (np.dtype(np.int16), ())
    return cached_clips(
        manifest, f"audio-{sample_rate_hz}", element, lambda file: _decode(file, sample_rate_hz), cache_dir
    )


def _decode(file: DataFile, sample_rate_hz: int) -> Iterator[NDArray[np.int16]]:
    samples, rate_hz = _of_file(file.path) if file.clip is None else _of_clip(file.clip, file.path)
    if rate_hz != sample_rate_hz:
        resampled = soxr.resample(samples.astype(np.float32), rate_hz, sample_rate_hz, quality="HQ")
        samples = np.clip(np.rint(resampled), -INT16_SCALE, INT16_SCALE - 1).astype(np.int16)
    yield samples


def _of_clip(clip: Clip, root: Path) -> tuple[NDArray[np.int16], int]:
    samples = read_samples(clip, root) * INT16_SCALE
    return np.clip(np.rint(samples), -INT16_SCALE, INT16_SCALE - 1).astype(np.int16), clip.sample_rate_hz


def _of_file(path: Path) -> tuple[NDArray[np.int16], int]:
    media = read_media(path)
    if media.audio_format is None:
        raise InvalidInput(
            f"got {path} without sound, expected a file with some; remove it from the data", reason="DATA_NO_AUDIO"
        )
    return np.concatenate([np.zeros(0, np.int16), *_samples(media)]), media.audio_format.sample_rate_hz


def _samples(media: MediaFile) -> Iterator[NDArray[np.int16]]:
    """The file's samples; where its clock jumps, the gap is left out."""
    for block in media:
        if isinstance(block, AudioBlock):
            yield np.frombuffer(block.data, "<i2").astype(np.int16)


def audio_batch(
    clips: Clips, which: NDArray[np.int64], sample_count: int, seed: int, step: int, items: Sequence[int]
) -> Tensor:
    """Samples [items, sample_count] in -1..1 with random gain and polarity."""
    rows = []
    for item in items:
        random = item_random(seed, step, item)
        gain = 10 ** (random.uniform(*GAIN_DB) / 20) * random.choice((-1.0, 1.0))
        samples = clips.draw(which, sample_count, random).astype(np.float32) * np.float32(gain / INT16_SCALE)
        rows.append(samples.clip(-1.0, 1.0))
    return torch.from_numpy(np.stack(rows))
