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
from wan_streamer.model.speech_encoder import LETTERS
from wan_streamer.model.whisper_ear import RIGHT_TOKENS, STRIDE, UNIT_TOKENS, UNITS_PER_WINDOW, WINDOW_SAMPLES
from wan_streamer.train.clips import Clips, cached_clips
from wan_streamer.train.manifest import DATA_SET_MANIFEST, DataFile, DataManifest

if TYPE_CHECKING:
    # Without the train extra an audio codec can still be trained.
    from wan_streamer.train.data.store.data_set import DataSet

TOKEN_SAMPLES: Final = HOP_SAMPLES * STRIDE
# A word's last tokens have at least so much sound to their right when the ear gives them, and at most so much.
RIGHT_SAMPLES: Final = (RIGHT_TOKENS * TOKEN_SAMPLES, (RIGHT_TOKENS + UNITS_PER_WINDOW * UNIT_TOKENS) * TOKEN_SAMPLES)
# Words that follow each other are said in at most so much of a window.
WORDS_SAMPLES: Final = WINDOW_SAMPLES - RIGHT_SAMPLES[1]
# Times of words are right to some hundredths of a second: tokens that may still belong to the last word.
LATE_TOKENS: Final = 3
# Windows before anything is said: of them nothing is to be spelled.
SILENT_SHARE: Final = 0.06


@dataclass(frozen=True)
class HeardWord:
    """A word and where it is said, in samples of its conversation."""

    text: str
    begin: int
    end: int


@dataclass(frozen=True, kw_only=True)
class SpokenWindow:
    """What a window hears, and which of its tokens are to spell what.

    Attributes:
        samples_T: int16.
        first, last: the tokens in which the letters are said, without `last`.
        letters: by their numbers; none where nothing is said.
    """

    samples_T: NDArray[np.int16]
    first: int
    last: int
    letters: tuple[int, ...]


class SpokenWindows:
    """Draws windows from what was heard in conversations.

    Args:
        runs: for each of the clips the words that are said one after the other, nobody else speaking.
    """

    def __init__(self, clips: Clips, runs: Sequence[Sequence[tuple[HeardWord, ...]]]) -> None:
        self._clips, self._runs = clips, runs

    def split(self, heldout_percent: int) -> "tuple[list[tuple[int, int]], list[tuple[int, int]]]":
        """Runs to learn from and held-out ones, each by its clip and its place there."""
        return tuple(  # type: ignore[return-value]
            [(int(clip), place) for clip in clips for place in range(len(self._runs[clip]))]
            for clips in self._clips.split(heldout_percent)
        )

    def draw(self, runs: Sequence[tuple[int, int]], random: np.random.Generator) -> SpokenWindow:
        """A window of one of `runs` that has room for its letters."""
        while True:
            clip, place = runs[int(random.integers(len(runs)))]
            window = self._window(clip, self._runs[clip][place], random)
            letters = window.letters
            # CTC wants a token for each letter, and a blank between two of the same.
            if window.last - window.first > len(letters) + sum(one == next_one for one, next_one in pairwise(letters)):
                return window

    def _window(self, clip: int, words: Sequence[HeardWord], random: np.random.Generator) -> SpokenWindow:
        if random.random() < SILENT_SHARE:
            end = words[0].begin - int(random.integers(TOKEN_SAMPLES, 16 * TOKEN_SAMPLES))
            return self._cut(clip, end, (end - WORDS_SAMPLES // 2, end), ())
        last = len(words) - 1 if random.random() < 0.5 else int(random.integers(len(words)))
        first = last
        while first and words[last].end - words[first - 1].begin < WORDS_SAMPLES:
            first -= 1
        end = words[last].end + int(random.integers(*RIGHT_SAMPLES))
        said = spelled(" ".join(word.text for word in words[first : last + 1]))
        return self._cut(clip, end, (words[first].begin, words[last].end), said)

    def _cut(self, clip: int, end: int, said: tuple[int, int], letters: tuple[int, ...]) -> SpokenWindow:
        begin = end - WINDOW_SAMPLES
        late = LATE_TOKENS if letters else 0
        return SpokenWindow(
            samples_T=self._clips.segment(clip, begin, WINDOW_SAMPLES),
            first=max(0, (said[0] - begin) // TOKEN_SAMPLES - 1),
            last=-(-(said[1] - begin) // TOKEN_SAMPLES) + late,
            letters=letters,
        )


def spelled(text: str) -> tuple[int, ...]:
    """The letters of a text by their numbers; signs that are no letters are left out."""
    return tuple(LETTERS.index(sign) for sign in text.lower() if sign in LETTERS)


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
