"""Whether the agent goes on through a backchannel, a cough or a noise."""

from wan_streamer.eval.conversations.heard import US_PER_S
from wan_streamer.eval.conversations.judged import Judged, Trial
from wan_streamer.train.data.events import Backchannel, Sound
from wan_streamer.train.data.timeline import Happening, Utterance

WITHIN_US = 1_500_000


def backchannels(judged: Judged) -> tuple[Trial, ...]:
    """Passes: the agent speaks when it begins, and its speech neither ends nor pauses for over 1.3 s within
    1.5 s of that.

    1.3 s is PAUSE_US: with the half second of a quick yield a third of the script's own answers would fail, since the
    voice pauses longer between its sentences. Trials are the backchannels and sounds that begin while the script's
    agent speaks.
    """
    things: list[Utterance | Happening] = [
        *(one for one in judged.timeline.utterances if isinstance(one.event, Backchannel)),
        *(one for one in judged.timeline.happenings if isinstance(one.event, Sound)),
    ]
    turns = judged.timeline.agent_turns()
    return tuple(
        _trial(judged, one) for one in things if any(turn.begin_us <= one.begin_us < turn.end_us for turn in turns)
    )


def _trial(judged: Judged, one: Utterance | Happening) -> Trial:
    speaks = judged.heard.speaks_at(one.begin_us)
    ends_us = [stretch.end_us for stretch in judged.heard.stretches]
    stops = [end_us for end_us in ends_us if one.begin_us <= end_us <= one.begin_us + WITHIN_US]
    got = "went on" if speaks else "did not speak"
    if speaks and stops:
        got = f"stopped {(stops[0] - one.begin_us) / US_PER_S:.2f} s after it began"
    return Trial(event=one.event.id, passed=speaks and not stops, reached=speaks, got=got)
