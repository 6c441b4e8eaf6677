"""Learning to hear: the losses of the speech encoder, and what keeps it from learning by heart.

Shape letters: B batch, U units, N tokens, C channels, T letters' places, K classes, V vocabulary.
"""

import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional as F

from wan_streamer.model.config import LETTER_CLASSES, STEPS_PER_TOKEN
from wan_streamer.model.ear import EAR_FEATURES
from wan_streamer.model.speech_encoder import BLANK, LETTERS
from wan_streamer.model.vocabulary import Vocabulary
from wan_streamer.model.whisper_ear import WIDTH as WHISPER_WIDTH

# SpecAugment (arXiv 1904.08779) on the features: of each ear two bands of channels, this share of them at most, and
# so many stretches of so many tokens at most, keep their mean alone. A question is a third of a window.
BANDS, BAND_SHARE = 2, 1 / 5
STRETCHES, STRETCH_TOKENS = 4, 6
# Of what the backbone takes: so many stretches of so many tokens at most without a letter (a question is a third of a
# window), and how often there are letters alone.
HIDDEN_STRETCHES, HIDDEN_TOKENS = 3, 3
HIDDEN_EAR = 0.5
HEARD_LETTERS = STEPS_PER_TOKEN * LETTER_CLASSES
# What brings the loss near to one of a letter.
LETTERS_A_WINDOW = 32
# Units of an answer whose words are foretold.
FORETOLD_UNITS = 16
# Units without a word before it.
SILENT_UNITS = 8
# Deviation of the noise on features, relative to that of each in the window.
FEATURE_NOISE = 0.25


def hide_some(heard_UNC: Tensor, random: Generator) -> Tensor:
    """The features of a window with some of them hidden and a little noise on all."""
    noise = torch.from_numpy(random.standard_normal(tuple(heard_UNC.shape), "float32"))
    mean_C, deviation_C = heard_UNC.mean(dim=(0, 1)), heard_UNC.std(dim=(0, 1))
    moved_UNC = heard_UNC - mean_C + FEATURE_NOISE * deviation_C * noise
    _hide(moved_UNC.flatten(0, 1), 0, STRETCHES, STRETCH_TOKENS, random)
    # A channel of Whisper's is there for each of its tokens; it is hidden in all of them.
    for channels in (moved_UNC[..., :EAR_FEATURES], moved_UNC[..., EAR_FEATURES:].unflatten(2, (-1, WHISPER_WIDTH))):
        _hide(channels, -1, BANDS, int(BAND_SHARE * channels.shape[-1]), random)
    return moved_UNC + mean_C


def _hide(tensor: Tensor, axis: int, count: int, widest: int, random: Generator) -> None:
    for _ in range(count):
        width = int(random.integers(widest + 1))
        first = int(random.integers(tensor.shape[axis] - width + 1))
        tensor.narrow(axis, first, width).zero_()


def hide_letters(heard_UNC: Tensor, random: Generator) -> Tensor:
    """What is heard of a window without some of its letters, and half of the windows without the ear beside them."""
    changed = heard_UNC.clone()
    if random.random() < HIDDEN_EAR:
        changed[..., HEARD_LETTERS:] = 0
    tokens = changed.flatten(0, 1)
    for _ in range(HIDDEN_STRETCHES):
        width = int(random.integers(HIDDEN_TOKENS + 1))
        first = int(random.integers(len(tokens) - width + 1))
        steps = tokens[first : first + width, :HEARD_LETTERS].unflatten(1, (STEPS_PER_TOKEN, -1))
        steps.zero_()
        steps[..., BLANK] = 1
    return changed


def spelling_loss(log_chances_BTK: Tensor, words_BUN: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Nats a letter by CTC (Graves et al., ICML 2006); windows without words are to be blank."""
    letters = [spell(words.flatten().tolist(), vocabulary) for words in words_BUN]
    counts = torch.tensor([len(one) for one in letters])
    nats = F.ctc_loss(
        log_chances_BTK.transpose(0, 1),
        torch.tensor([letter for one in letters for letter in one], device=log_chances_BTK.device),
        torch.full((len(letters),), log_chances_BTK.shape[1]),
        counts,
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )
    # A window, not a letter: the mean over processes is then the mean over all.
    return nats / (len(letters) * LETTERS_A_WINDOW)


def spell(tokens: list[int], vocabulary: Vocabulary) -> list[int]:
    """Numbers of the letters of text tokens; signs that are no letters are left out."""
    pieces = (vocabulary.pieces[token] for token in tokens if token >= 0)
    text = b"".join(pieces).decode("utf-8", errors="replace").lower().strip()
    return [LETTERS.index(sign) for sign in text if sign in LETTERS]


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
