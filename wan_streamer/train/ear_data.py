"""Words that visitors say, each in the two seconds that a window of Whisper's ear hears, out of data sets.

Shape letters: T samples.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.media.formats import INT16_SCALE
from wan_streamer.model.ear import EAR_SAMPLE_RATE_HZ, HOP_SAMPLES
from wan_streamer.model.whisper_ear import (
    RIGHT_TOKENS,
    STRIDE,
    UNIT_TOKENS,
    UNITS_PER_WINDOW,
    WINDOW_FRAMES,
    WINDOW_SAMPLES,
)
from wan_streamer.train.clips import Clips, cached_clips
from wan_streamer.train.manifest import DATA_SET_MANIFEST, DataFile, DataManifest
from wan_streamer.train.spelling import spelled

if TYPE_CHECKING:
    # Without the train extra an audio codec can still be trained.
    from wan_streamer.train.data.store.data_set import DataSet

TOKEN_SAMPLES: Final = HOP_SAMPLES * STRIDE
WINDOW_TOKENS: Final = WINDOW_FRAMES // STRIDE
# What is newest in a window lies so far from its end when the ear gives it, at least and at most.
RIGHT_SAMPLES: Final = (RIGHT_TOKENS * TOKEN_SAMPLES, (RIGHT_TOKENS + UNITS_PER_WINDOW * UNIT_TOKENS) * TOKEN_SAMPLES)
# Times of words are right to some hundredths of a second: tokens before and after it that may be a word's.
EARLY_TOKENS, LATE_TOKENS = 1, 3
# Windows that end before anything is said, and ends of sentences among the others.
SILENT_SHARE, LAST_SHARE = 0.05, 0.35
# Fewer tokens between two words are no silence.
LEAST_SILENCE_TOKENS: Final = 5
# What is looked at where nothing is said, and how long before the first word it may end.
SILENT_TOKENS, SILENT_SAMPLES = 60, (TOKEN_SAMPLES, 20 * TOKEN_SAMPLES)


@dataclass(frozen=True)
class HeardWord:
    """A word and where it is said, in samples of its conversation."""

    text: str
    begin: int
    end: int


@dataclass(frozen=True)
class SpelledTokens:
    """Tokens of a window from `first`, without `last`, and the numbers of the letters in them; none in a silence."""

    first: int
    last: int
    letters: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SpokenWindow:
    """What a window hears, and what its tokens spell: each word has its own, so that letters come at their time.

    Tokens of one window follow those of another in a stream. Letters that came later where less is heard after them
    would be lost between the two.

    Attributes:
        samples_T: int16.
    """

    samples_T: NDArray[np.int16]
    spelled: tuple[SpelledTokens, ...]


class SpokenWindows:
    """Draws windows from what was heard in conversations.

    Args:
        runs: for each of the clips the words that are said one after the other, nobody else speaking.
    """

    def __init__(self, clips: Clips, runs: Sequence[Sequence[tuple[HeardWord, ...]]]) -> None:
        self._clips, self._runs = clips, runs

    def split(self, heldout_percent: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Runs to learn from and held-out ones, each by its clip and its place there."""
        training, held_out = (
            [(int(clip), place) for clip in clips for place in range(len(self._runs[clip]))]
            for clips in self._clips.split(heldout_percent)
        )
        return training, held_out

    def draw(self, runs: Sequence[tuple[int, int]], random: np.random.Generator) -> SpokenWindow:
        """A window of one of `runs` in which something can be spelled, or nothing is said."""
        while True:
            clip, place = runs[int(random.integers(len(runs)))]
            words = self._runs[clip][place]
            if random.random() < SILENT_SHARE:
                end = words[0].begin - int(random.integers(*SILENT_SAMPLES))
                last = WINDOW_TOKENS - EARLY_TOKENS
                found = [SpelledTokens(last - SILENT_TOKENS, last, ())]
            else:
                newest = len(words) - 1 if random.random() < LAST_SHARE else int(random.integers(len(words)))
                end = words[newest].end + int(random.integers(*RIGHT_SAMPLES))
                found = list(_spelled_in(end - WINDOW_SAMPLES, words))
            if found:
                return SpokenWindow(
                    samples_T=self._clips.segment(clip, end - WINDOW_SAMPLES, WINDOW_SAMPLES), spelled=tuple(found)
                )


def _spelled_in(begin: int, words: Sequence[HeardWord]) -> Iterator[SpelledTokens]:
    """The words that a window hears whole, early enough in it, and the silences between them."""
    free = None
    for place, word in enumerate(words):
        first = (word.begin - begin) // TOKEN_SAMPLES - EARLY_TOKENS
        last = -(-(word.end - begin) // TOKEN_SAMPLES) + LATE_TOKENS
        if free is not None and first - free >= LEAST_SILENCE_TOKENS:
            yield SpelledTokens(free, first, ())
        if first < 0 or word.end > begin + WINDOW_SAMPLES - RIGHT_SAMPLES[0]:
            # A silence is one between two words: what was said before may go on beyond the first.
            free = last if 0 < last < WINDOW_TOKENS else None
            continue
        free = last
        letters = tuple(spelled((" " if place else "") + word.text))
        # CTC wants a token for each letter, and a blank between two of the same.
        if last - first >= len(letters) + sum(one == other for one, other in pairwise(letters)):
            yield SpelledTokens(first, last, letters)


def list_heard(folders: Sequence[Path]) -> DataManifest:
    """The conversations of data sets as a run's data.

    Raises:
        InvalidInput: a folder is no data set, or holds what is kept out of training.
    """
    files = []
    for folder in folders:
        data = _data_set(folder)
        data.check_for_training()
        digest = hashlib.sha256((folder / DATA_SET_MANIFEST).read_bytes()).hexdigest()
        names = [f"{folder.name}/{index:06d}" for index in range(len(data))]
        files += [DataFile(folder, name, f"{digest}/{name}") for name in names]
    return DataManifest(tuple(files))


def spoken_windows(manifest: DataManifest, cache_dir: Path) -> SpokenWindows:
    """All that was heard, int16 at 16 kHz, decoded once.

    Raises:
        InvalidInput: a shard is damaged, or nobody says anything.
    """
    sets = {file.path: _data_set(file.path) for file in manifest.files}
    clips = cached_clips(manifest, "heard", (np.dtype(np.int16), ()), lambda file: _decode(sets, file), cache_dir)
    runs = [list(_runs_of(sets, file)) for file in manifest.files]
    if not any(runs):
        raise InvalidInput(
            f"got {len(runs)} conversations in which no visitor speaks, expected some that do; name other data",
            reason="DATA_EMPTY",
        )
    return SpokenWindows(clips, runs)


def _decode(sets: "Mapping[Path, DataSet]", file: DataFile) -> Iterator[NDArray[np.int16]]:
    samples = sets[file.path].conversation(_index(file)).user_audio * INT16_SCALE
    yield np.clip(np.rint(samples), -INT16_SCALE, INT16_SCALE - 1).astype(np.int16)


def _runs_of(sets: "Mapping[Path, DataSet]", file: DataFile) -> Iterator[tuple[HeardWord, ...]]:
    """What each visitor says at a time, but for what is said while another speaks, or is cut short."""
    from wan_streamer.train.data.events import AgentTurn

    timeline = sets[file.path].conversation(_index(file)).timeline
    heard = [one for one in timeline.utterances if not isinstance(one.event, AgentTurn) and one.words]
    for one in heard:
        words = [word for word in one.words if not word.is_cut and spelled(word.text)]
        alone = all(one is other or not other.overlap_us(one.begin_us, one.end_us) for other in heard)
        if alone and words:
            yield tuple(HeardWord(word.text, _sample(word.begin_us), _sample(word.end_us)) for word in words)


def _sample(time_us: int) -> int:
    return time_us * EAR_SAMPLE_RATE_HZ // 1_000_000


def _index(file: DataFile) -> int:
    return int(file.name.rpartition("/")[2])


def _data_set(folder: Path) -> "DataSet":
    from wan_streamer.train.data.store.data_set import DataSet

    return DataSet(folder)
