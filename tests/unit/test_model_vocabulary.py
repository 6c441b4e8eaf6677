"""Text tokens: the shipped vocabulary against the library that made it, characters in pieces, and bad files."""

import json
from pathlib import Path

import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.model.vocabulary import TextStream, read_vocabulary, vocabulary_named, vocabulary_path

TEXTS = ("We are open from ten to six.", " Café — déjà vu: €3.50!", "日本語 🦕", "\n\ttabs")


@pytest.mark.parametrize("text", TEXTS)
def test_the_shipped_vocabulary_is_what_the_library_says(text: str) -> None:
    """Tokens that the tokenizers library cuts a text into give the text back, whole and token by token."""
    tokenizers = pytest.importorskip("tokenizers")
    library = tokenizers.Tokenizer.from_file(str(vocabulary_path("nano")))
    vocabulary = vocabulary_named("nano")
    tokens = library.encode(text).ids
    assert TextStream(vocabulary).feed(tokens) == text == library.decode(tokens)
    stream = TextStream(vocabulary)
    assert "".join(stream.feed([token]) for token in tokens) == text
    assert len(vocabulary) == library.get_vocab_size()
    assert library.token_to_id("<listen>") == vocabulary.listen
    assert library.token_to_id("<end>") == vocabulary.end


def test_our_own_tokens_are_no_text() -> None:
    """LISTEN and END add nothing, in the shipped vocabulary and in the bytes."""
    for name in ("nano", "bytes"):
        vocabulary = vocabulary_named(name)
        assert TextStream(vocabulary).feed([vocabulary.listen, vocabulary.end]) == ""


def test_domain_words_are_few_tokens() -> None:
    """A spoken answer needs fewer than five tokens a second, as a unit carries two at most."""
    train = pytest.importorskip("wan_streamer.train.vocabulary")
    pytest.importorskip("tokenizers")
    tokens = train.TextTokens(vocabulary_path("nano"))
    text = "We are open from ten to six, every day except Monday, and on Thursday until nine."
    words = tokens.of_words(text)
    assert sum(map(len, words)) <= 1.5 * len(text.split())
    assert len(words) == len(text.split())


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"added_tokens": [], "model": {"vocab": {"a": 0}}})])
def test_a_file_that_is_no_vocabulary_is_refused(tmp_path: Path, content: str) -> None:
    """Missing, damaged or without our own tokens: the message names the file and what was expected."""
    path = tmp_path / "vocabulary.json"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=r"vocabulary\.json .*expected byte-level BPE"):
        read_vocabulary(path)
    with pytest.raises(InvalidInput, match="expected byte-level BPE"):
        read_vocabulary(tmp_path / "nothing.json")
