"""Silence or speech, and which word."""

import torch

from wan_streamer.engine.choose_token import SPEAKS_FROM, likeliest

LISTEN = 1


def logits(*chances: float) -> torch.Tensor:
    """Up to a constant, which softmax takes out."""
    return torch.tensor(chances).log() + 3.0


def test_speech_begins_when_it_is_likely_enough_whatever_it_will_say() -> None:
    """Silence is by far the likeliest token, but all words together reach what is wanted."""
    word = (SPEAKS_FROM + 0.02) / 2
    assert likeliest(logits(word, 1 - 2 * word, word * 0.9, word * 0.1), LISTEN) == 0


def test_silence_goes_on_while_speech_is_unlikely() -> None:
    """A little less than what is wanted, by one word or by many."""
    rest = SPEAKS_FROM - 0.02
    assert likeliest(logits(rest, 1 - rest, 0.0, 0.0), LISTEN) == LISTEN
    assert likeliest(logits(rest / 3, 1 - rest, rest / 3, rest / 3), LISTEN) == LISTEN


def test_the_logits_stay_as_they_are() -> None:
    """The choice reads them only."""
    given = logits(0.2, 0.6, 0.1, 0.1)
    kept = given.clone()
    likeliest(given, LISTEN)
    assert torch.equal(given, kept)
