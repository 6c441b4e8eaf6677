"""Whether the agent begins its answer in time, and not before."""

from wan_streamer.eval.conversations.asked import Asked, asked
from wan_streamer.eval.conversations.heard import US_PER_S
from wan_streamer.eval.conversations.judged import Judged, Trial

SOONEST_US, LATEST_US = 300_000, 1_500_000


def take_overs(judged: Judged) -> tuple[Trial, ...]:
    """Passes: the first utterance that begins after the turn has begun, begins 0.3 to 1.5 s after the turn's end.

    Trials are the turns to the agent that do not interrupt it. Whatever begins during the turn, its hesitations
    included, fails it; an answer to the turn before that still goes on may come to its end.
    """
    return tuple(_trial(judged, one) for one in asked(judged.timeline) if one.event.interrupts is None)


def _trial(judged: Judged, one: Asked) -> Trial:
    begun = judged.heard.begun_in(one.turn.begin_us, judged.timeline.duration_us)
    if not begun:
        return Trial(event=one.event.id, passed=False, got="nothing")
    delay_us = begun[0].begin_us - one.turn.end_us
    return Trial(event=one.event.id, passed=SOONEST_US <= delay_us <= LATEST_US, got=f"{delay_us / US_PER_S:+.2f} s")
