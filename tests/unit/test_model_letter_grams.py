"""n-grams of spelled letters, and sums that fade."""

import numpy as np
import pytest
import torch

from wan_streamer.model.config import LETTER_CLASSES
from wan_streamer.model.letter_grams import WITHIN_STEPS, FadingSum, LetterGrams
from wan_streamer.model.speller import BLANK
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.train.spelling import spelled


def chances(text: str, *, apart: int = 4, steps: int = 0) -> torch.Tensor:
    """Each letter in two steps, `apart` steps after the one before; "_" is a step of nothing."""
    row = [BLANK]
    for letter in text:
        row += [BLANK] if letter == "_" else [*spelled(letter) * 2, *[BLANK] * (apart - 2)]
    row += [BLANK] * (steps - len(row))
    return torch.eye(LETTER_CLASSES)[row][None]


def grams_of(made: torch.Tensor) -> list[set[int]]:
    return [set(made[0, :, place].tolist()) - {0} for place in range(made.shape[2])]


def test_a_gram_ends_with_its_last_letter() -> None:
    """One of each size where a letter begins that has enough before it; a letter's second step ends none."""
    made = LetterGrams((2, 3), 1 << 14)(chances("abca"))
    at = [1 + 4 * place for place in range(4)]
    expected = torch.zeros(made.shape[1], 2, dtype=torch.bool)
    expected[at[1:], 0] = True
    expected[at[2:], 1] = True
    assert torch.equal(made[0] != 0, expected)
    assert int(made.max()) < 1 << 14


def test_time_and_spaces_do_not_count() -> None:
    """Slower, or with a space where none was heard, the grams are the same; another letter changes those it is in."""
    find = LetterGrams((3,), 1 << 14)
    plain = grams_of(find(chances("ticket")))[0]
    assert len(plain) == 4
    assert grams_of(find(chances("ticket", apart=9)))[0] == plain
    assert grams_of(find(chances("tic ket")))[0] == plain
    assert len(grams_of(find(chances("tivket")))[0] & plain) == 1
    # The same letter twice is two only with nothing between.
    assert grams_of(find(chances("hall"))) == grams_of(find(chances("hal_l")))


def test_a_pause_ends_a_word() -> None:
    """Letters further apart than WITHIN_STEPS are in no gram."""
    find = LetterGrams((2,), 1 << 14)
    assert find(chances("a" + "_" * (WITHIN_STEPS - 5) + "b")).any()
    assert not find(chances("a" + "_" * (WITHIN_STEPS + 5) + "b")).any()


@pytest.mark.parametrize("pieces", [(1,) * 60, (7, 1, 52), (30, 30)])
def test_a_stream_gives_the_same(pieces: tuple[int, ...]) -> None:
    """In pieces as whole, for grams and sums, over pauses and repeats at the borders."""
    random = np.random.default_rng(0)
    text = "".join(random.choice(list("abc__ __"), 10))
    letters = chances(text, steps=60)[:, :60]
    find, fade = LetterGrams((2, 3, 4), 1 << 14), FadingSum(8, (2.0, 5.0))
    values = torch.randn(1, 60, 8, dtype=torch.float64)
    for layer, whole in ((find, letters), (fade, values)):
        # A stream's states are of the type of the layer's parameters.
        layer.register_parameter("like", torch.nn.Parameter(torch.zeros(1, dtype=whole.dtype)))
        with streaming(Stream.of(layer)):
            made = torch.cat([layer(piece) for piece in whole.split(pieces, dim=1)], dim=1)
        torch.testing.assert_close(made, layer(whole), rtol=0, atol=1e-6)


def test_sums_fade_at_their_rates() -> None:
    """A token of ones is worth exp(-age / memory) later, for half of the channels each."""
    made = FadingSum(4, (2.0, 8.0))(torch.cat([torch.ones(1, 1, 4), torch.zeros(1, 5, 4)], dim=1))[0]
    ages = torch.arange(6.0)
    torch.testing.assert_close(made[:, 0], torch.exp(-ages / 2))
    torch.testing.assert_close(made[:, 3], torch.exp(-ages / 8))
