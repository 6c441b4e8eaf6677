"""Learning to hear: the losses of the speech encoder, and what keeps it from learning by heart.

Shape letters: B batch, U units, N tokens, C channels, T letters' places, K classes, V vocabulary.
"""

from collections.abc import Sequence

import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional as F

from wan_streamer.model.speech_encoder import BLANK, LETTERS
from wan_streamer.model.vocabulary import Vocabulary

# SpecAugment (arXiv 1904.08779) on the ear's features: two bands of channels and two of tokens
# keep their mean alone, so wide at most.
BAND_CHANNELS, BAND_TOKENS = 12, 4
# What brings the loss near to one of a letter.
LETTERS_A_WINDOW = 32
# Units of an answer whose words are foretold.
FORETOLD_UNITS = 16
# Units without a word before it.
SILENT_UNITS = 8
# Deviation of the noise on features, relative to that of each in the window.
FEATURE_NOISE = 0.1


def hide_some(heard_UNC: Tensor, random: Generator) -> Tensor:
    """The features of a window with some of them hidden and a little noise on all."""
    noise = torch.from_numpy(random.standard_normal(tuple(heard_UNC.shape), "float32"))
    mean_C, deviation_C = heard_UNC.mean(dim=(0, 1)), heard_UNC.std(dim=(0, 1))
    tokens_TC = (heard_UNC - mean_C + FEATURE_NOISE * deviation_C * noise).flatten(0, 1)
    for axis, widest in ((1, BAND_CHANNELS), (1, BAND_CHANNELS), (0, BAND_TOKENS), (0, BAND_TOKENS)):
        width = int(random.integers(widest + 1))
        first = int(random.integers(tokens_TC.shape[axis] - width + 1))
        tokens_TC.narrow(axis, first, width).zero_()
    return tokens_TC.unflatten(0, heard_UNC.shape[:2]) + mean_C


def spelling_loss(log_chances_BTK: Tensor, words_BUN: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Nats a letter by CTC (Graves et al., ICML 2006); windows without words are to be blank."""
    letters = [spell(words.flatten().tolist(), vocabulary) for words in words_BUN]
    nats = nats_of_letters(log_chances_BTK, letters, torch.full((len(letters),), log_chances_BTK.shape[1]))
    # A window, not a letter: the mean over processes is then the mean over all.
    return nats / (len(letters) * LETTERS_A_WINDOW)


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


def spell(tokens: list[int], vocabulary: Vocabulary) -> list[int]:
    """Numbers of the letters of text tokens."""
    pieces = (vocabulary.pieces[token] for token in tokens if token >= 0)
    return spelled(b"".join(pieces).decode("utf-8", errors="replace").strip())


def spelled(text: str) -> list[int]:
    """The letters of a text by their numbers; signs that are no letters are left out."""
    return [LETTERS.index(sign) for sign in text.lower() if sign in LETTERS]


def foretelling_loss(log_chances_BUV: Tensor, answers_BUN: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Nats of the words that the agent is about to begin to say, in any order: what a question is for.

    Words alone teach to hear all of them alike; what is answered says which matter. Looked at are the unit in which an
    answer's first words are written and the one before it; nothing else is asked of the encoder.
    """
    writes = answers_BUN[..., 0] != vocabulary.listen
    # Words come a few units apart while it speaks: an answer begins after a longer silence.
    before = F.max_pool1d(F.pad(writes.float(), (SILENT_UNITS, 0)), SILENT_UNITS, stride=1)[:, :-1].bool()
    begins = (writes & ~before)[:, 1:]
    # Nothing, but with gradients where no answer begins: processes average the same ones.
    nats = 0 * log_chances_BUV.sum()
    for window, unit in begins.nonzero().tolist():
        coming = answers_BUN[window, unit + 1 : unit + 1 + FORETOLD_UNITS].flatten()
        words = coming[(coming >= 0) & (coming != vocabulary.listen) & (coming != vocabulary.end)]
        nats = nats - log_chances_BUV[window, unit : unit + 2][:, words].mean()
    return nats / len(answers_BUN)
