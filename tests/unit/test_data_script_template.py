"""The template grammar, against expansion by hand."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.generate.template import Grammar, parse, tidy


def patterns(text: str, rules: dict[str, tuple[str, ...]] | None = None) -> list[str]:
    grammar = Grammar(rules or {}, ["day"])
    return list(grammar.patterns(grammar.frame(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("when is it?", ["When is it?"]),
        ("on {day}[, please] ?", ["On {day}?", "On {day}, please?"]),
        ("(a|b[ c]|) d", ["A d", "B d", "B c d", "D"]),
        ("{ask}   it[ {ask}]?", ["Say it?", "Say it say?", "Say it tell me?", "Tell me it?", "Tell me it say?"]),
    ],
)
def test_every_sentence_of_a_template(text: str, expected: list[str]) -> None:
    """Slots stay, rules and choices are gone through, spaces and capitals are tidied."""
    made = patterns(text, {"ask": ("say", "tell me")})
    assert made[: len(expected)] == expected
    assert len(set(made)) == len(made)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a (b", "with an open ("),
        ("a [b", "with an open ["),
        ("a b)", "its own brackets"),
        ("a (b]", "its own brackets"),
        ("{no such}", "small letters"),
        ("{day", "small letters"),
        ("{week}", "a rule or a slot: day"),
        ("(a|b|c|d|e|f|g|h|i|j)" * 5, "at most 20000"),
    ],
)
def test_malformed_templates(text: str, words: str) -> None:
    """A template that cannot be read is refused with what is wrong in it."""
    with pytest.raises(InvalidInput) as caught:
        patterns(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"a": ("{b}",), "b": ("x {a}",)}, "rules that end"),
        ({"a": ("{a}",)}, "a -> a"),
        ({"day": ("x",)}, "a slot too"),
        ({"a": ()}, "without alternatives"),
    ],
)
def test_rules_that_cannot_be(rules: dict[str, tuple[str, ...]], words: str) -> None:
    """Rules that use themselves, hide a slot or are empty are refused."""
    with pytest.raises(InvalidInput) as caught:
        Grammar(rules, ["day"])
    assert words in str(caught.value)


TEMPLATES = st.recursive(
    st.sampled_from(["a", "b c", " ", "{day}", "{ask}"]),
    lambda inner: st.one_of(
        inner.map("[{}]".format),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.lists(inner, min_size=1, max_size=3).map("".join),
    ),
    max_leaves=6,
)


@given(text=TEMPLATES, seed=st.integers(0, 1000))
def test_what_is_drawn_is_one_of_the_patterns(text: str, seed: int) -> None:
    """A drawn sentence is always one that the expansion lists, and the same seed draws the same one."""
    grammar = Grammar({"ask": ("x", "y [z]")}, ["day"])
    frame = grammar.frame(text)
    drawn = grammar.draw(frame, Random(seed))
    assert drawn in set(grammar.patterns(frame))
    assert drawn == grammar.draw(frame, Random(seed))


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text at all makes the reader fail in another way than with InvalidInput."""
    with suppress(InvalidInput):
        parse(text)


def test_tidy() -> None:
    """Spaces before punctuation go, the first letter becomes a capital."""
    assert tidy("  on {day}  , please ?") == "On {day}, please?"
