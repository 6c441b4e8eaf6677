"""Whether the agent falls silent when it is interrupted, and answers the new question."""

from wan_streamer.eval.conversations.asked import Asked, asked
from wan_streamer.eval.conversations.heard import US_PER_S
from wan_streamer.eval.conversations.judged import Judged, Trial
from wan_streamer.eval.conversations.rows.right_answers import answer_trial

YIELD_US = 500_000
# Of a turn that is over sooner, so much is listened to.
LEAST_SILENCE_US = 160_000


def interruptions(judged: Judged) -> tuple[Trial, ...]:
    """Passes: the agent speaks when the interruption begins, is silent from 0.5 s later to the turn's end, answers it.

    Trials are the turns that interrupt, whose own answers are not interrupted. Answered as in `right_answers`.
    """
    return tuple(
        _trial(judged, one)
        for one in asked(judged.timeline)
        if one.event.interrupts is not None and not one.answer.is_cut
    )


def _trial(judged: Judged, one: Asked) -> Trial:
    speaks = judged.heard.speaks_at(one.turn.begin_us)
    silent_from_us = one.turn.begin_us + YIELD_US
    until_us = max(one.turn.end_us, silent_from_us + LEAST_SILENCE_US)
    late = [span for span in judged.heard.spans if span.overlap_us(silent_from_us, until_us)]
    answer = answer_trial(judged, one)
    end_s = (late[-1].end_us - one.turn.begin_us) / US_PER_S if late else 0.0
    yields = f"speaks until {end_s:.2f} s after it" if late else "falls silent"
    return Trial(
        event=one.event.id,
        passed=speaks and not late and answer.passed,
        reached=speaks,
        wanted=answer.wanted,
        got=f"{'spoke' if speaks else 'did not speak'}, {yields}, {answer.got}",
    )
