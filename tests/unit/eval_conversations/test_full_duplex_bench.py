"""Full-Duplex-Bench's measures on clocks whose values are known."""

import pytest

from tests.unit.eval_conversations.made_up_clocks import agent, clock, user
from tests.unit.eval_conversations.made_up_talks import heard_of, judged, true_speech
from wan_streamer.eval.conversations.rows.full_duplex_bench import PUBLISHED, duplex_scores
from wan_streamer.train.data.events import Moment, Pause
from wan_streamer.train.data.timeline import Span, Timeline


def hesitating() -> Timeline:
    """A turn from 1 to 3 s with a pause of 1 s from 1.5 s on, answered at 3.5 s."""
    turn = user("u1", Moment(offset_ms=1000), pauses=(Pause(after_word_index=1, duration_ms=1000),))
    return clock(turn, agent("a1", "u1"))


def test_the_truth_takes_over_after_the_turn_only() -> None:
    """No take-over in the pause, one after the turn, half a second later."""
    timeline = hesitating()
    found = duplex_scores([judged(timeline, heard_of(true_speech(timeline)))])
    assert (found.pause_take_over, found.backchannel_take_over, found.turn_take_over) == (0, 0, 1)
    assert found.turn_latency_s == pytest.approx(0.52)
    assert found.interruption_take_over is None


def test_a_short_word_is_a_backchannel_and_a_sentence_is_not() -> None:
    """One word below a second is counted a second of the turn; two words take over, at a latency of 0."""
    timeline = hesitating()
    word = judged(timeline, heard_of([(Span(begin_us=1_600_000, end_us=1_900_000), "mhm")]))
    found = duplex_scores([word])
    assert (found.pause_take_over, found.backchannel_take_over, found.turn_take_over) == (0, 0, 0)
    assert found.backchannels_a_s == pytest.approx(0.5)
    assert found.turn_latency_s is None
    two = judged(timeline, heard_of([(Span(begin_us=1_600_000, end_us=1_900_000), "oh yes")]))
    assert duplex_scores([two]).pause_take_over == 1
    assert duplex_scores([two]).turn_latency_s == 0


def test_published_numbers_stand_as_in_the_paper() -> None:
    """Table III of arXiv 2503.04721: the four systems in its order, one number each by heart."""
    assert [name for name, _ in PUBLISHED] == ["dGSLM", "Moshi", "Freeze-Omni", "Gemini Live"]
    assert [scores.turn_latency_s for _, scores in PUBLISHED] == [0.352, 0.265, 0.953, 1.301]
    assert [scores.interruption_take_over for _, scores in PUBLISHED] == [0.917, 1.000, 0.867, 0.891]
