"""Which sentences the agent's voice speaks."""

import random

import pytest

from wan_streamer.train.data.sources.sentences import (
    MAX_SAME_START,
    Sentence,
    choose_sentences,
    is_clean,
    split_sentences,
)


def sentences(source: str, count: int) -> list[Sentence]:
    words = ("red", "green", "blue", "black", "white", "brown", "grey", "pink", "gold", "plum")
    texts = [f"{a.title()} {b} {c} things are here." for a in words for b in words for c in words]
    return [Sentence(text=f"{text[:-1]}, {source}.", source=source, licence="CC0-1.0") for text in texts[:count]]


@pytest.mark.parametrize("text", ["Where is the lift?", "It's here, on the left.", "Stop that now!"])
def test_plain_sentences_are_clean(text: str) -> None:
    """Questions, statements and exclamations of plain words are taken."""
    assert is_clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "Go home.",
        "where is the lift?",
        "Press 1 for help.",
        "Say it with no end",
        "This is a (quiet) one.",
        "Wait... what is this?",
        "I DON'T take orders!",
        "Ahhhh that was good.",
        'He said "stop" to me.',
        "Well " * 21 + "done.",
        "Na\u00efve people say this.",
        "",
    ],
)
def test_what_can_be_read_in_two_ways_is_not_clean(text: str) -> None:
    """Too short or long, digits, brackets, quotes, capitals, stretched letters, no end: left out."""
    assert not is_clean(text)


def test_texts_are_cut_behind_their_marks() -> None:
    """One sentence for each mark, without the spaces between."""
    assert split_sentences(" Hello there.  How are you? Fine ") == ["Hello there.", "How are you?", "Fine"]


def test_the_choice_depends_on_the_seed_alone() -> None:
    """The order in which sentences are found does not matter; another seed chooses others."""
    first, second = sentences("one", 400), sentences("two", 400)
    chosen = choose_sentences([first, second], 100, seed=0)
    random.Random(0).shuffle(first)
    assert choose_sentences([first, second], 100, seed=0) == chosen
    assert choose_sentences([first, second], 100, seed=1) != chosen


def test_a_larger_choice_of_one_source_holds_the_smaller() -> None:
    """More sentences can be asked for later without losing those that were spoken."""
    source = sentences("one", 900)
    assert set(choose_sentences([source], 50, seed=0)) <= set(choose_sentences([source], 200, seed=0))


def test_a_small_source_leaves_its_share_to_the_others() -> None:
    """The count is reached as long as there are sentences anywhere."""
    chosen = choose_sentences([sentences("large", 900), sentences("small", 5)], 100, seed=0)
    assert len(chosen) == 100
    assert sum(sentence.source == "small" for sentence in chosen) == 5
    assert len(choose_sentences([sentences("small", 5)], 100, seed=0)) == 5


def test_repeated_sentences_and_templates_are_thinned() -> None:
    """Equal words count once whatever the marks, and few may start alike."""
    same = [Sentence(text=text, source="a", licence="") for text in ("Stop it now.", "Stop it now!", "Stop, it now.")]
    assert len(choose_sentences([same], 10, seed=0)) == 1
    things = ("lamp", "door", "hall", "desk", "wall", "roof")
    template = [Sentence(text=f"Where is the {thing}?", source="a", licence="") for thing in things]
    assert len(choose_sentences([template], 10, seed=0)) == MAX_SAME_START
