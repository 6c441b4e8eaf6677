"""Word error arithmetic."""

from functools import cache

import numpy as np
import pytest

from wan_streamer.eval.word_errors import add_word_errors, count_word_errors


def brute_force(reference: tuple[str, ...], heard: tuple[str, ...]) -> int:
    @cache
    def cost(i: int, j: int) -> int:
        if i == len(reference) or j == len(heard):
            return len(reference) - i + len(heard) - j
        same = 0 if reference[i] == heard[j] else 1
        return min(same + cost(i + 1, j + 1), 1 + cost(i + 1, j), 1 + cost(i, j + 1))

    return cost(0, 0)


def test_errors_are_the_fewest_that_there_can_be() -> None:
    """On random texts the count is that of a recursion in plain Python, and the kinds add up to the lengths."""
    random = np.random.default_rng(0)
    for _ in range(300):
        reference, heard = (tuple(random.choice(list("abc"), random.integers(0, 8)).tolist()) for _ in range(2))
        errors = count_word_errors(reference, heard)
        assert errors.substituted + errors.deleted + errors.inserted == brute_force(reference, heard)
        assert len(heard) - len(reference) == errors.inserted - errors.deleted


@pytest.mark.parametrize(
    ("reference", "heard", "kinds"),
    [
        ("the cat sat", "the cat sat", (0, 0, 0)),
        ("the cat sat", "the hat sat", (1, 0, 0)),
        ("the cat sat", "the sat", (0, 1, 0)),
        ("the cat sat", "the big cat sat", (0, 0, 1)),
        ("", "hello there", (0, 0, 2)),
        ("hello", "", (0, 1, 0)),
    ],
)
def test_each_kind_is_told_apart(reference: str, heard: str, kinds: tuple[int, int, int]) -> None:
    """Other, missing and additional words are counted as such."""
    errors = count_word_errors(reference.split(), heard.split())
    assert (errors.substituted, errors.deleted, errors.inserted) == kinds


def test_long_texts_count_more() -> None:
    """The rate of many texts is errors by words, not a mean of rates."""
    errors = add_word_errors([count_word_errors(["a"], ["b"]), count_word_errors(["a"] * 9, ["a"] * 9)])
    assert errors.rate == 0.1
    assert count_word_errors([], ["a", "b"]).rate == 2
    assert count_word_errors([], []).rate == 0
