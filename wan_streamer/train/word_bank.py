"""Words as the speech encoder spelled them, cut out of what was heard: new sentences are made of them without sound.

Where each letter was spelled is found by the likeliest alignment of the words with the chances of letters (the Viterbi
path of CTC, Graves et al., ICML 2006).

Shape letters: T steps, K classes, S states of the alignment.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wan_streamer.model.config import HEARD_LETTERS, LETTER_CLASSES, LETTERS, STEPS_PER_TOKEN, EarConfig
from wan_streamer.model.speller import BLANK
from wan_streamer.model.vocabulary import Vocabulary
from wan_streamer.train.data.timeline import Timeline
from wan_streamer.train.spelling import spelled
from wan_streamer.train.words import NOTHING, stretches
from wan_streamer.unit import UNIT_US

Chances = NDArray[np.float32]
STEP_US = UNIT_US // (EarConfig.tokens_per_unit * STEPS_PER_TOKEN)
# Units before a question's first word has ended, and after its last one has, in which it is looked for.
BEFORE_UNITS, AFTER_UNITS = 5, 4
# A letter is spelled in a step or a few; what comes after its word's last one belongs to nobody.
TAIL_STEPS = 2
LEAST_CHANCE = 1e-5
# Units without words, on both sides of which is silence, too.
SILENT_UNITS = 20
# Stretches of silence that are kept: hours of them.
MOST_SILENCES = 1000


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A word as it was spelled once.

    Attributes:
        chances: of letters, [T, K].
        late: steps from the word's end to the end of these.
    """

    chances: Chances
    late: int


class WordBank:
    """Pieces by word, from encoded conversations.

    Args:
        conversations: records of what was heard.
    """

    def __init__(self, conversations: Iterable[NDArray[Any]], vocabulary: Vocabulary) -> None:
        self._words: dict[str, list[Piece]] = defaultdict(list)
        self._letters: dict[str, list[Chances]] = defaultdict(list)
        self.silences: list[Chances] = []
        for records in conversations:
            self._add(records, vocabulary)

    def __len__(self) -> int:
        return sum(len(pieces) for pieces in self._words.values())

    def draw(self, word: str, random: np.random.Generator) -> Piece:
        """A word as it may be spelled; one that was never heard is put together of letters of others."""
        letters = in_letters(word)
        if pieces := self._words.get(letters):
            return pieces[int(random.integers(len(pieces)))]
        parts = [found[int(random.integers(len(found)))] for one in letters if (found := self._letters.get(one))]
        blank = np.zeros((1, LETTER_CLASSES), np.float32)
        blank[0, BLANK] = 1
        return Piece(chances=np.concatenate([blank, *parts]), late=self._late(random))

    def silence(self, steps: int, random: np.random.Generator) -> Chances:
        """So many steps in which nobody speaks to the agent."""
        parts: list[Chances] = []
        while (missing := steps - sum(len(part) for part in parts)) > 0:
            found = self.silences[int(random.integers(len(self.silences)))]
            first = int(random.integers(len(found)))
            parts.append(found[first : first + missing])
        return np.concatenate(parts)

    def _late(self, random: np.random.Generator) -> int:
        words = list(self._words)
        pieces = self._words[words[int(random.integers(len(words)))]]
        return pieces[0].late

    def _add(self, records: NDArray[Any], vocabulary: Vocabulary) -> None:
        if not len(records):
            return
        chances = letters_of(records)
        per_unit = len(chances) // len(records)
        silent = np.ones(len(records), bool)
        for begin, end in stretches(records["said"]):
            words = list(words_of(records["said"][begin:end], vocabulary))
            first, last = max(0, begin - BEFORE_UNITS), min(len(records), end + AFTER_UNITS)
            silent[max(0, begin - SILENT_UNITS) : last] = False
            self._cut(words, chances[first * per_unit : last * per_unit], (begin - first) * per_unit, per_unit)
        edges = np.flatnonzero(np.diff(silent, prepend=False, append=False)).reshape(-1, 2)
        silences = [chances[a * per_unit : b * per_unit] for a, b in edges if b - a >= SILENT_UNITS // 2]
        self.silences += silences[: MOST_SILENCES - len(self.silences)]

    def _cut(self, words: list[tuple[str, int]], chances: Chances, shift: int, per_unit: int) -> None:
        text = " ".join(word for word, _ in words)
        steps = align(spelled(text), chances)
        if steps is None:
            return
        # A word's first letter begins its piece; the space before it is the end of the one before.
        firsts = np.cumsum([0, *(len(word) + 1 for word, _ in words)])
        begins = [max(0, steps[first] - 1) for first in firsts[:-1]]
        last = min(len(chances), steps[-1] + 1 + TAIL_STEPS)
        for (word, unit), (begin, end) in zip(words, pairwise([*begins, last]), strict=True):
            late = end - (shift + (unit + 1) * per_unit - per_unit // 2)
            self._words[word].append(Piece(chances=chances[begin:end], late=late))
        for letter, (begin, end) in zip(text, pairwise([*steps, last]), strict=True):
            self._letters[letter].append(chances[begin : max(end, begin + 1)])


def put_together(timeline: Timeline, said: Mapping[str, Sequence[Piece]], silence: Chances) -> Chances:
    """The chances of letters of a conversation, [T, K]: pieces where their words end, silence elsewhere.

    Args:
        said: the pieces of each utterance's words, by the names of their events.
        silence: of all of the conversation, [T, K].
    """
    chances = silence.copy()
    for utterance in timeline.utterances:
        pieces = said.get(utterance.event.id, ())
        late = int(np.median([piece.late for piece in pieces])) if pieces else 0
        for word, piece in zip(utterance.words, pieces, strict=False):
            end = word.end_us // STEP_US + late
            begin = max(0, end - len(piece.chances))
            room = chances[begin : max(begin, end)]
            room[:] = piece.chances[: len(room)]
    return chances


def letters_of(records: NDArray[Any]) -> Chances:
    """The chances of letters in records of conversations, [T, K]."""
    heard = records["heard"][..., :HEARD_LETTERS]
    return np.asarray(heard, np.float32).reshape(-1, LETTER_CLASSES)


def in_letters(text: str) -> str:
    """What is left of a text in letters."""
    return "".join(LETTERS[number] for number in spelled(text))


def align(letters: list[int], chances: Chances) -> list[int] | None:
    """The step at which each letter begins to be spelled in the likeliest path; None where they are too many."""
    states = np.full(2 * len(letters) + 1, BLANK)
    states[1::2] = letters
    nats = np.log(np.maximum(chances[:, states], LEAST_CHANCE))
    may_skip = np.zeros(len(states), bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    best = np.full(len(states), -np.inf)
    best[:2] = nats[0, :2]
    came = np.zeros((len(nats), len(states)), np.int8)
    for step in range(1, len(nats)):
        next_one = np.r_[-np.inf, best[:-1]]
        skipping = np.where(may_skip, np.r_[-np.inf, -np.inf, best[:-2]], -np.inf)
        ways = np.stack([best, next_one, skipping])
        came[step] = ways.argmax(axis=0)
        best = ways.max(axis=0) + nats[step]
    state = len(states) - 1 - int(best[-1] < best[-2])
    if not np.isfinite(best[state]):
        return None
    found = [0] * len(letters)
    for step in range(len(nats) - 1, -1, -1):
        if state % 2:
            found[state // 2] = step
        state -= int(came[step, state])
    return found


def words_of(said: NDArray[np.int32], vocabulary: Vocabulary) -> Iterator[tuple[str, int]]:
    """The words of a stretch in letters, and the unit in which each ends."""
    text, units = b"", []
    for unit, tokens in enumerate(said):
        for token in tokens:
            if token != NOTHING and token not in (vocabulary.listen, vocabulary.end):
                text += vocabulary.pieces[token]
                units += [unit] * len(vocabulary.pieces[token])
    for match in re.finditer(rb"\S+", text):
        if word := in_letters(match[0].decode("utf-8", errors="replace")):
            yield word, units[match.end() - 1]
