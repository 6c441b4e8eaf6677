"""Decoded clips in one array on disk: decoded once, then mapped into memory, so a batch costs next to nothing.

What a batch holds is a function of (seed, step, item) alone: nothing about the order of data needs saving, and two
processes that take half of the items each see what one would.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import get_console
from rich.progress import track

from wan_streamer.errors import InvalidInput
from wan_streamer.train.manifest import DataFile, DataManifest

VALUES_FILE, INDEX_FILE = "values.bin", "clips.json"
PERCENT = 100


@dataclass(frozen=True)
class Clips:
    """Clips one after the other in `values`, [elements, ...]; clip i ends before `ends[i]`."""

    values: NDArray[Any]
    ends: NDArray[np.int64]
    names: tuple[str, ...]

    def length(self, clip: int) -> int:
        """Elements of a clip."""
        return int(self.ends[clip] - self._start(clip))

    def segment(self, clip: int, first: int, count: int) -> NDArray[Any]:
        """Elements `first` to `first + count` of a clip; zeros beyond its ends."""
        start, length = self._start(clip), self.length(clip)
        result = np.zeros((count, *self.values.shape[1:]), self.values.dtype)
        begin, end = max(0, first), min(length, first + count)
        if end > begin:
            result[begin - first : end - first] = self.values[start + begin : start + end]
        return result

    def draw(
        self,
        clips: NDArray[np.int64],
        count: int,
        random: np.random.Generator,
        shares: Mapping[str, float] = MappingProxyType({}),
    ) -> NDArray[Any]:
        """A segment of one of `clips`, longer ones more often; a clip shorter than that lies somewhere in zeros.

        Each folder that the data came from is drawn as often as another, however little it holds, but for `shares`:
        how often, 1 where it is not named.
        """
        clip = int(random.choice(clips, p=self._chances(clips, shares)))
        spare = self.length(clip) - count
        return self.segment(clip, int(random.integers(min(0, spare), max(0, spare) + 1)), count)

    def split(self, heldout_percent: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Training and held-out clips: by the hash of each name, so that more data moves no clip to the other side.

        With too few clips for a held-out one, the second is empty.
        """
        marks = [int(hashlib.sha256(name.encode()).hexdigest(), 16) % PERCENT for name in self.names]
        heldout = np.asarray([mark < heldout_percent for mark in marks], bool)
        if heldout.all():
            heldout[:] = False
        clips = np.arange(len(self.names))
        return clips[~heldout], clips[heldout]

    def _chances(self, clips: NDArray[np.int64], shares: Mapping[str, float]) -> NDArray[np.float64]:
        lengths = np.diff(self.ends, prepend=0)[clips].astype(np.float64)
        names, numbers = self._folders
        folders = numbers[clips]
        chances = lengths / np.bincount(folders, weights=lengths)[folders]
        chances *= np.asarray([shares.get(name, 1.0) for name in names])[folders]
        return np.asarray(chances / chances.sum())

    @cached_property
    def _folders(self) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
        """The folders' names, and the number of each clip's."""
        names = [name.rpartition("/")[0].partition("/")[0] for name in self.names]
        found, numbers = np.unique(names, return_inverse=True)
        return found, numbers

    def _start(self, clip: int) -> int:
        return int(self.ends[clip - 1]) if clip else 0


def item_random(seed: int, step: int, item: int) -> np.random.Generator:
    """The random numbers of one item of one step."""
    return np.random.default_rng((seed, step, item))


def cached_clips(
    manifest: DataManifest,
    kind: str,
    element: tuple[np.dtype[Any], tuple[int, ...]],
    decode: Callable[[DataFile], Iterator[NDArray[Any]]],
    cache_dir: Path,
) -> Clips:
    """All files of the manifest decoded, from the cache where an earlier run has decoded just these.

    Args:
        kind: names the decoding (rate, size): other kinds have other caches.
        element: type and shape of one element of a decoded array.
        decode: yields pieces [elements, ...] of one file.

    Raises:
        InvalidInput: a file cannot be decoded or is empty; the message names it and nothing is cached.
    """
    folder = cache_dir / f"{kind}-{manifest.sha256[:16]}"
    if not (folder / INDEX_FILE).is_file():
        part = cache_dir / f".{folder.name}.{os.getpid()}.part"
        part.mkdir(parents=True, exist_ok=True)
        try:
            _decode_all(manifest.files, element, decode, part)
            _put_in_place(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    index = json.loads((folder / INDEX_FILE).read_text())
    ends = np.asarray(index["ends"], np.int64)
    dtype, shape = element
    values_file = folder / VALUES_FILE
    expected = int(ends[-1]) * math.prod(shape) * dtype.itemsize
    if values_file.stat().st_size != expected:
        raise InvalidInput(
            f"got {values_file.stat().st_size} bytes in {values_file}, expected {expected}; the cache is damaged, "
            f"delete {folder}",
            reason="CACHE_DAMAGED",
        )
    values = np.memmap(values_file, dtype, "r", shape=(int(ends[-1]), *shape))
    return Clips(values, ends, tuple(index["names"]))


def _decode_all(
    files: tuple[DataFile, ...],
    element: tuple[np.dtype[Any], tuple[int, ...]],
    decode: Callable[[DataFile], Iterator[NDArray[Any]]],
    folder: Path,
) -> None:
    ends: list[int] = []
    end = 0
    with (folder / VALUES_FILE).open("wb") as values:
        quiet = not get_console().is_terminal
        for file in track(files, description="decoding data", transient=True, disable=quiet):
            before = end
            for piece in decode(file):
                assert (piece.dtype, piece.shape[1:]) == element
                values.write(np.ascontiguousarray(piece).data)
                end += len(piece)
            if end == before:
                raise InvalidInput(
                    f"got {file.path} without a single whole element to learn from; remove it from the data",
                    reason="DATA_EMPTY",
                )
            ends.append(end)
    (folder / INDEX_FILE).write_text(json.dumps({"names": [file.name for file in files], "ends": ends}))


def _put_in_place(part: Path, folder: Path) -> None:
    try:
        part.rename(folder)
    except OSError:
        # Another process of the same run was first: what it made is the same.
        if not (folder / INDEX_FILE).is_file():
            raise
