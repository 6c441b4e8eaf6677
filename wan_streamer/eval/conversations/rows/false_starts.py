"""How often the agent begins to speak when nobody waits for it."""

from collections.abc import Sequence

from wan_streamer.eval.conversations.heard import Stretch
from wan_streamer.eval.conversations.intervals import bootstrap
from wan_streamer.eval.conversations.judged import Judged
from wan_streamer.eval.conversations.score import NoTrials, Result, Score
from wan_streamer.unit import UNIT_US, unit_end_us, unit_start_us


def false_starts(judged: Judged) -> tuple[Stretch, ...]:
    """The stretches of speech (after 1.3 s of silence) that begin in a unit whose label says that the agent idles.

    It idles before and between situations, after its answers, and while visitors talk to each other; it does not while
    a turn to it, or an action that it answers, waits for its answer, nor while the script's agent speaks.
    """
    units = judged.timeline.units
    return tuple(
        stretch
        for stretch in judged.heard.stretches
        if stretch.begin_us < judged.timeline.duration_us and units[stretch.begin_us // UNIT_US].agent == "idle"
    )


def idle_speech(talks: Sequence[Judged], seed: int) -> Result:
    """Share of the idle time in which the agent speaks: what false starts do not tell of one that never stops.

    The script's own agent has a little, since judges let go late and units are labelled whole.
    """
    times = [(_speech_us(judged), idle_us(judged)) for judged in talks if idle_us(judged)]
    if not times:
        return NoTrials()
    low, high = bootstrap(times, _share, seed)
    return Score(value=_share(times), low=low, high=high, count=len(times), counted="conversations")


def idle_us(judged: Judged) -> int:
    """How long it idles, side talk included."""
    return sum(label.agent == "idle" for label in judged.timeline.units) * UNIT_US


def _speech_us(judged: Judged) -> int:
    idle = [label.unit_index for label in judged.timeline.units if label.agent == "idle"]
    return sum(span.overlap_us(unit_start_us(k), unit_end_us(k)) for k in idle for span in judged.heard.spans)


def _share(times: Sequence[tuple[int, int]]) -> float:
    return sum(speech_us for speech_us, _ in times) / sum(idle_us for _, idle_us in times)
