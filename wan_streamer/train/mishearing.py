"""Questions are heard anew each time they are learned from: as the ear misheard those letters elsewhere.

A reader sees each of some ten thousand questions a hundred times. Were it always spelled in the same way it would be
known by its errors, which help with no other one (docs/training.md). So letters are put together of pieces, each of
what was spelled where that letter was said between the same two others, all of a question out of questions that were
heard as badly.

Shape letters: T steps, U units.
"""

from collections import defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.model.config import HEARD_LETTERS, LETTERS
from wan_streamer.model.speller import BLANK
from wan_streamer.model.vocabulary import Vocabulary
from wan_streamer.train.spelling import Classes, spelled
from wan_streamer.train.word_bank import AFTER_UNITS, BEFORE_UNITS, TAIL_STEPS, align, letters_of, words_of
from wan_streamer.train.words import stretches

# Questions that pieces are taken from: a core cuts them up in some seconds.
MOST_QUESTIONS: Final = 2000
# Questions of which less than this is wrong lie together, those above the last as well.
WRONG_BELOW: Final = (0.1, 0.2, 0.3, 0.4)
# With fewer pieces between the same neighbours those between any others are taken.
LEAST_PIECES: Final = 3


class Mishearing:
    """Pieces of what was spelled, by letter and its neighbours.

    Args:
        conversations: records of what was heard; the first MOST_QUESTIONS questions of them count.
    """

    def __init__(self, conversations: Iterable[NDArray[Any]], vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._pieces: list[dict[str, list[Classes]]] = [defaultdict(list) for _ in range(len(WRONG_BELOW) + 1)]
        # Of questions that were heard so badly, by how many steps each is spelled after its last word's unit.
        self._late: list[list[int]] = [[] for _ in self._pieces]
        for records in conversations:
            if len(self) >= MOST_QUESTIONS:
                break
            # What was made without sound is made of what the others hold.
            if len(records) and not np.isnan(records["heard"][..., HEARD_LETTERS:]).any():
                self._add(records)
        # Those that are heard worst are the fewest, and what there is most to learn from.
        roots = np.sqrt([len(late) for late in self._late])
        self._chances = roots / max(1.0, roots.sum())

    def __len__(self) -> int:
        return sum(len(late) for late in self._late)

    def again(self, said_UN: NDArray[Any], classes_T: Classes, random: np.random.Generator) -> Classes:
        """The letters of a window, questions in it misheard anew; as they are where none were ever heard.

        Args:
            said_UN: the visitors' words, in the units in which they end.
        """
        changed, per_unit = classes_T.copy(), len(classes_T) // len(said_UN)
        for begin, end in stretches(said_UN) if len(self) else ():
            kind = int(random.choice(len(self._late), p=self._chances))
            late = self._late[kind][int(random.integers(len(self._late[kind])))]
            words = list(words_of(said_UN[begin:end], self._vocabulary))
            at = max(0, begin - BEFORE_UNITS) * per_unit
            changed[at : (end + AFTER_UNITS) * per_unit] = BLANK
            text = " ".join(["", *(word for word, _ in words), ""])
            place = 0
            for word, unit in words:
                pieces = [self._piece(kind, text[n : n + 3], random) for n in range(place, place + len(word))]
                # The space after it is a letter, too.
                place += len(word) + 1
                classes = np.concatenate([*pieces, self._piece(kind, text[place - 1 : place + 1] + " ", random)])
                at = max(at, (begin + unit + 1) * per_unit + late - len(classes))
                room = changed[at : at + len(classes)]
                room[:] = classes[: len(room)]
                at += len(classes)
        return changed

    def _piece(self, kind: int, letters: str, random: np.random.Generator) -> Classes:
        pieces = self._pieces[kind]
        found = pieces.get(letters, ())
        if len(found) < LEAST_PIECES:
            found = pieces.get(letters[1], ())
        return found[int(random.integers(len(found)))] if found else np.array([BLANK, LETTERS.index(letters[1])])

    def _add(self, records: NDArray[Any]) -> None:
        chances = letters_of(records)
        per_unit = len(chances) // len(records)
        for begin, end in stretches(records["said"]):
            words = list(words_of(records["said"][begin:end], self._vocabulary))
            first, last = max(0, begin - BEFORE_UNITS), min(len(records), end + AFTER_UNITS)
            of_these = chances[first * per_unit : last * per_unit]
            text = " ".join(word for word, _ in words)
            steps = align(spelled(text), of_these)
            if steps is None or not words:
                continue
            classes = of_these.argmax(axis=1)
            edges = [*(max(0, step) for step in steps), min(len(classes), steps[-1] + 1 + TAIL_STEPS)]
            wrong = _wrong(text, classes[edges[0] : edges[-1]])
            kind = int(np.searchsorted(WRONG_BELOW, wrong, side="right"))
            self._late[kind].append(edges[-1] - (begin - first + words[-1][1] + 1) * per_unit)
            around = f" {text} "
            for place, (a, b) in enumerate(pairwise(edges)):
                for name in (around[place : place + 3], text[place]):
                    self._pieces[kind][name].append(classes[a:b])


def _wrong(text: str, classes_T: Classes) -> float:
    """About which share of a text is spelled wrongly; spaces do not count."""
    is_new = (classes_T != BLANK) & (classes_T != np.r_[-1, classes_T[:-1]])
    written = "".join(LETTERS[one] for one in classes_T[is_new])
    return 1 - SequenceMatcher(None, text.replace(" ", ""), written.replace(" ", ""), autojunk=False).ratio()
