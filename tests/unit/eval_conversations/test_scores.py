"""Intervals against published values, and numbers of rows."""

import numpy as np
import pytest

from tests.unit.eval_conversations.made_up_clocks import question
from tests.unit.eval_conversations.made_up_talks import heard_of, judged, plain_words, true_speech
from wan_streamer.eval.conversations.heard import Heard, Stretch
from wan_streamer.eval.conversations.intervals import bootstrap, poisson, wilson
from wan_streamer.eval.conversations.judged import Trial
from wan_streamer.eval.conversations.rows.speech_quality import speech_quality
from wan_streamer.eval.conversations.rows.spoken_words import spoken_words
from wan_streamer.eval.conversations.score import NoTrials, Score, rate, share


def test_intervals_are_the_published_ones() -> None:
    """Wilson of 0 in 10 and 81 in 263 (Newcombe 1998), Garwood of 0 and 5 events."""
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert poisson(0, 2.0) == pytest.approx((0.0, 3.6889 / 2), abs=1e-4)
    assert poisson(5, 1.0) == pytest.approx((1.6235, 11.6683), abs=1e-3)


def test_a_bootstrap_covers_and_is_seeded() -> None:
    """Its interval holds the mean of many values, is as wide as theory says, and comes again with the seed."""
    values = np.random.default_rng(0).normal(5, 1, 400).tolist()
    low, high = bootstrap(values, lambda drawn: float(np.mean(drawn)), 3)
    assert low < 5 < high
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.2)
    assert (low, high) == bootstrap(values, lambda drawn: float(np.mean(drawn)), 3)


def test_shares_say_how_often_they_could_not_be_reached() -> None:
    """No trials are said so; those that were not reached count as failed and are told."""
    assert share([]) == NoTrials()
    found = share([Trial(event="a", passed=True), Trial(event="b", passed=False, reached=False)], "away in {count}")
    assert isinstance(found, Score)
    assert (found.value, found.count, found.note) == (0.5, 2, "away in 1")
    assert rate(0, 0.0, "") == NoTrials()


def test_word_errors_are_pooled_over_talks() -> None:
    """One wrong word of two talks with 15 words each is 1 in 30; a talk without words adds nothing."""
    timeline = question()
    said = true_speech(timeline)
    text = " ".join(word for _, word in said)
    right = judged(timeline, heard_of(said), written=text)
    wrong = judged(timeline, heard_of([*said[:-1], (said[-1][0], "sooner")]), written=text)
    silent = judged(timeline, Heard(spans=(), utterances=(), stretches=()))
    found = spoken_words([right, wrong, silent], plain_words, 0)
    assert isinstance(found, Score)
    assert found.value == pytest.approx(1 / (2 * len(plain_words(text))))
    assert isinstance(spoken_words([silent], plain_words, 0), NoTrials)


def test_quality_is_the_mean_of_what_is_long_enough() -> None:
    """Stretches without a score do not count."""
    timeline = question()
    stretches = tuple(Stretch(begin_us=0, end_us=1, quality=value) for value in (3.0, None, 2.0))
    found = speech_quality([judged(timeline, Heard(spans=(), utterances=(), stretches=stretches))], 0)
    assert isinstance(found, Score)
    assert (found.value, found.count) == (2.5, 2)
