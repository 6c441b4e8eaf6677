"""Words on the clock become a few tokens for each unit."""

import pytest

from wan_streamer.model.vocabulary import TextStream, vocabulary_named
from wan_streamer.train.words import NOTHING, TimedWord, tokens_of_units
from wan_streamer.unit import UNIT_US

BYTES = vocabulary_named("bytes")


def word(text: str, unit: float) -> TimedWord:
    return TimedWord(from_us=int(unit * UNIT_US), tokens=tuple(text.encode()))


def test_a_unit_without_words_listens() -> None:
    """LISTEN stands alone in every unit in which there is nothing to write."""
    placed = tokens_of_units([word("a", 1.5)], 3, max_tokens=3, vocabulary=BYTES)
    assert placed.tolist() == [
        [BYTES.listen, NOTHING, NOTHING],
        [ord("a"), BYTES.end, NOTHING],
        [BYTES.listen, NOTHING, NOTHING],
    ]


def test_what_finds_no_place_moves_on() -> None:
    """A long word fills its unit without an END and goes on in the next, before the words that come later."""
    placed = tokens_of_units([word("abc", 0), word("d", 1)], 3, max_tokens=2, vocabulary=BYTES)
    assert placed.tolist() == [[ord("a"), ord("b")], [ord("c"), ord("d")], [BYTES.listen, NOTHING]]


@pytest.mark.parametrize("max_tokens", [1, 2, 5])
def test_the_text_comes_back(max_tokens: int) -> None:
    """Whatever fits into a unit, the stream gives the words in their order, none before its time."""
    texts = [" We", " are", " open", " déjà", " vu."]
    words = [word(text, 3 * number) for number, text in enumerate(texts)]
    placed = tokens_of_units(words, 60, max_tokens=max_tokens, vocabulary=BYTES)
    stream, said = TextStream(BYTES), []
    for unit, row in enumerate(placed.tolist()):
        said.append(stream.feed([token for token in row if token != NOTHING]))
        written = "".join(said)
        assert all(text not in written for number, text in enumerate(texts) if unit < 3 * number)
    assert "".join(said) == "".join(texts)
