"""Learning to read what was spelled: the losses of the reader, and what keeps it from learning by heart.

Shape letters: B batch, U units, N tokens, C channels, T letters' places, K classes, V vocabulary.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from wan_streamer.model.config import HEARD_LETTERS, LETTER_CLASSES, LETTERS
from wan_streamer.model.speller import BLANK
from wan_streamer.model.vocabulary import Vocabulary

Classes = NDArray[np.int64]
HearAgain = Callable[[Classes, Generator], Classes]

# Share of the letters at most that are changed, and of the windows in which there are letters alone, or other ones.
MOST_WRONG, HIDDEN_EAR, HEARD_AGAIN = 0.3, 0.5, 0.75
# Units of an answer whose words are foretold.
FORETOLD_UNITS = 16
# Bags that differ by less are of the same words.
SAME_WORDS = 1e-3
# Units without a word before it.
SILENT_UNITS = 8


def misspell(heard_UNC: Tensor, random: Generator, hear_again: HearAgain | None = None) -> Tensor:
    """What is heard of a window with letters wrong, missing or new; half of the windows without the other ear.

    Args:
        hear_again: what gives other letters for those of a window, in most windows; in the others some letters change.
    """
    changed = heard_UNC.clone()
    if random.random() < HIDDEN_EAR:
        changed[..., HEARD_LETTERS:] = torch.nan
    steps_TK = changed[..., :HEARD_LETTERS].reshape(-1, LETTER_CLASSES)
    classes = steps_TK.argmax(dim=1).numpy()
    if hear_again is not None and random.random() < HEARD_AGAIN:
        written = hear_again(classes, random)
    else:
        written = _some_wrong(classes, random)
    at = torch.from_numpy(np.flatnonzero(written != classes))
    steps_TK[at] = F.one_hot(torch.from_numpy(written)[at], LETTER_CLASSES).to(steps_TK)
    changed[..., :HEARD_LETTERS] = steps_TK.view(changed[..., :HEARD_LETTERS].shape)
    return changed


def _some_wrong(classes: Classes, random: Generator) -> Classes:
    letters = (classes != BLANK) & (classes != np.roll(classes, 1))
    chance, rate = random.random(len(classes)), random.random() * MOST_WRONG
    wrong, missing = letters & (chance < rate / 2), letters & (chance >= rate / 2) & (chance < rate * 7 / 8)
    new = (classes == BLANK) & np.roll(letters & (chance >= rate * 7 / 8) & (chance < rate), 1)
    others = random.integers(len(LETTERS), size=len(classes))
    return np.where(wrong | new, others, np.where(missing, BLANK, classes))


def nats_of_letters(log_chances_BTK: Tensor, letters: Sequence[Sequence[int]], counts_B: Tensor) -> Tensor:
    """What letters cost by CTC, in the first `counts_B` places of each row; rows without any are to be blank."""
    return F.ctc_loss(
        log_chances_BTK.transpose(0, 1),
        torch.tensor([letter for one in letters for letter in one], device=log_chances_BTK.device),
        counts_B,
        torch.tensor([len(one) for one in letters]),
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )


def spelled(text: str) -> list[int]:
    """The letters of a text by their numbers; signs that are no letters are left out."""
    return [LETTERS.index(sign) for sign in text.lower() if sign in LETTERS]


def answer_loss(log_chances_BUA: Tensor, answers_BUN: Tensor, known_AV: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Nats of which of all known answers comes: what a question is for.

    Words that were heard would teach to hear all of them alike; what is answered says which matter. Looked at are the
    unit in which an answer's first words are written and the one before it; an answer that is not known costs nothing.

    Args:
        answers_BUN: the agent's words, also of units after those of the chances: or one answer would be many.
        known_AV: see `answer_bags`.
    """
    # Nothing, but with gradients where no answer begins: processes average the same ones.
    nats = 0 * log_chances_BUA.sum()
    for window, unit, words in _beginnings(answers_BUN, vocabulary, log_chances_BUA.shape[1]):
        apart_A = (known_AV - _bag(words, known_AV.shape[1])).abs().sum(dim=1)
        if len(apart_A) and apart_A.min() < SAME_WORDS:
            nats = nats - log_chances_BUA[window, unit : unit + 2, apart_A.argmin()].mean()
    return nats / len(answers_BUN)


def answer_bags(conversations: Iterable[Tensor], vocabulary: Vocabulary, size: int) -> Tensor:
    """The shares of text tokens in each of the agent's answers, [A, V].

    Args:
        conversations: the agent's words, each [U, N].
        size: of the model's table of text tokens, V; the vocabulary may have fewer.
    """
    answers = {
        tuple(sorted(words.tolist()))
        for one in conversations
        for _, _, words in _beginnings(one[None], vocabulary, len(one))
    }
    bags = [_bag(torch.tensor(words), size) for words in sorted(answers) if words]
    return torch.stack(bags) if bags else torch.zeros(0, size)


def _bag(words: Tensor, size: int) -> Tensor:
    return torch.bincount(words, minlength=size) / max(1, len(words))


def _beginnings(answers_BUN: Tensor, vocabulary: Vocabulary, units: int) -> Iterator[tuple[int, int, Tensor]]:
    """Window, the unit before an answer's first words (in the first `units`), and its words as far as known."""
    writes = (answers_BUN[..., 0] != vocabulary.listen) & (answers_BUN[..., 0] >= 0)
    # Words come a few units apart while it speaks: an answer begins after a longer silence.
    before = F.max_pool1d(F.pad(writes.float(), (SILENT_UNITS, 0)), SILENT_UNITS, stride=1)[:, :-1].bool()
    for window, unit in (writes & ~before)[:, 1:units].nonzero().tolist():
        coming = answers_BUN[window, unit + 1 : unit + 1 + FORETOLD_UNITS].flatten()
        yield window, unit, coming[(coming >= 0) & (coming != vocabulary.listen) & (coming != vocabulary.end)]
