"""Whether the agent speaks first when it sees something."""

from wan_streamer.eval.conversations.asked import Seen, seen
from wan_streamer.eval.conversations.heard import US_PER_S
from wan_streamer.eval.conversations.judged import Judged, Trial

WITHIN_US = 1_600_000
# Who walks up is welcomed when they have come; a wave is answered from its begin on.
WALKS = ("arrive", "come_back")


def first_words(judged: Judged) -> tuple[Trial, ...]:
    """Passes: an utterance begins after the event has begun and at most 1.6 s after it (of walking up: after its end).

    Trials are the actions that the script's agent answers: waves, tickets, cards, objects, arrivals.
    """
    return tuple(_trial(judged, one) for one in seen(judged.timeline))


def _trial(judged: Judged, one: Seen) -> Trial:
    from_us = one.action.end_us if one.event.action in WALKS else one.action.begin_us
    begun = judged.heard.begun_in(one.action.begin_us, one.until_us)
    delay_us = begun[0].begin_us - from_us if begun else None
    passed = delay_us is not None and delay_us <= WITHIN_US
    got = "nothing" if delay_us is None else f"{delay_us / US_PER_S:+.2f} s"
    return Trial(event=one.event.id, passed=passed, wanted=one.event.action, got=got)
