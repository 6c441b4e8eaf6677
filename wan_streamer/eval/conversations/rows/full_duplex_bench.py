"""Full-Duplex-Bench's measures (Lin et al., arXiv 2503.04721, section III-B) on our conversations.

Take-over is 0 when the model is silent or only gives a backchannel, a segment shorter than 1 s with fewer than two
words, else 1; the latency after the user's end is averaged where it is 1, below 0 it counts as 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from wan_streamer.eval.conversations.asked import Asked, asked
from wan_streamer.eval.conversations.heard import US_PER_S, Said
from wan_streamer.eval.conversations.judged import Judged

BACKCHANNEL_US, BACKCHANNEL_WORDS = US_PER_S, 2


@dataclass(frozen=True, kw_only=True)
class DuplexScores:
    """One column of the benchmark; None where nothing could be measured, or the paper has no number.

    Attributes:
        pause_take_over: share of hesitating turns in which the model speaks before they end (lower is better).
        backchannel_take_over: share of turns in which it does (lower is better).
        backchannels_a_s: its backchannels during turns, a second of them.
        turn_take_over, turn_latency_s: after turns that do not interrupt.
        interruption_take_over, interruption_latency_s: after turns that interrupt it.
    """

    pause_take_over: float | None
    backchannel_take_over: float | None
    backchannels_a_s: float | None
    turn_take_over: float | None
    turn_latency_s: float | None
    interruption_take_over: float | None
    interruption_latency_s: float | None


# Table III of the paper; pauses are of its synthetic set, as ours are.
PUBLISHED: Final = (
    ("dGSLM", DuplexScores(
        pause_take_over=0.934, backchannel_take_over=0.691, backchannels_a_s=0.015, turn_take_over=0.975,
        turn_latency_s=0.352, interruption_take_over=0.917, interruption_latency_s=2.531)),
    ("Moshi", DuplexScores(
        pause_take_over=0.985, backchannel_take_over=1.000, backchannels_a_s=0.001, turn_take_over=0.941,
        turn_latency_s=0.265, interruption_take_over=1.000, interruption_latency_s=0.257)),
    ("Freeze-Omni", DuplexScores(
        pause_take_over=0.642, backchannel_take_over=0.636, backchannels_a_s=0.001, turn_take_over=0.336,
        turn_latency_s=0.953, interruption_take_over=0.867, interruption_latency_s=1.409)),
    ("Gemini Live", DuplexScores(
        pause_take_over=0.255, backchannel_take_over=0.091, backchannels_a_s=0.012, turn_take_over=0.655,
        turn_latency_s=1.301, interruption_take_over=0.891, interruption_latency_s=1.183)),
)  # fmt: skip


def duplex_scores(talks: Sequence[Judged]) -> DuplexScores:
    """The measures of a system."""
    plain = [(judged, one) for judged in talks for one in asked(judged.timeline) if one.event.interrupts is None]
    hesitating = [(judged, one) for judged, one in plain if one.event.pauses]
    interrupting = [(j, one) for j in talks for one in asked(j.timeline) if one.event.interrupts is not None]
    during = [_during(judged, one) for judged, one in plain]
    seconds = sum(one.turn.end_us - one.turn.begin_us for _, one in plain) / US_PER_S
    short = sum(is_backchannel(said) for begun in during for said in begun)
    turns, interruptions = ([_after(judged, one) for judged, one in pairs] for pairs in (plain, interrupting))
    return DuplexScores(
        pause_take_over=_mean([takes_over(_during(judged, one)) for judged, one in hesitating]),
        backchannel_take_over=_mean([takes_over(begun) for begun in during]),
        backchannels_a_s=short / seconds if seconds else None,
        turn_take_over=_mean([delay is not None for delay in turns]),
        turn_latency_s=_mean([delay for delay in turns if delay is not None]),
        interruption_take_over=_mean([delay is not None for delay in interruptions]),
        interruption_latency_s=_mean([delay for delay in interruptions if delay is not None]),
    )


def is_backchannel(said: Said) -> bool:
    """Whether a segment is one."""
    is_short = said.end_us - said.begin_us < BACKCHANNEL_US
    return is_short and len((said.text or "").split()) < BACKCHANNEL_WORDS


def takes_over(begun: Sequence[Said]) -> bool:
    """Whether there is speech that is no backchannel."""
    return any(not is_backchannel(said) for said in begun)


def _during(judged: Judged, one: Asked) -> tuple[Said, ...]:
    return judged.heard.begun_in(one.turn.begin_us, one.turn.end_us)


def _after(judged: Judged, one: Asked) -> float | None:
    """Latency in seconds, None without take-over."""
    begun = judged.heard.begun_in(one.turn.begin_us, one.until_us)
    if not takes_over(begun):
        return None
    return max(0.0, (begun[0].begin_us - one.turn.end_us) / US_PER_S)


def _mean(values: Sequence[float | bool]) -> float | None:
    return float(np.mean(values)) if values else None


MEASURES: Final[tuple[tuple[str, Callable[[DuplexScores], float | None]], ...]] = (
    ("pause: take-over, lower is better", lambda scores: scores.pause_take_over),
    ("listening: take-over, lower is better", lambda scores: scores.backchannel_take_over),
    ("listening: backchannels a second", lambda scores: scores.backchannels_a_s),
    ("turn-taking: take-over", lambda scores: scores.turn_take_over),
    ("turn-taking: latency, s", lambda scores: scores.turn_latency_s),
    ("interruption: take-over", lambda scores: scores.interruption_take_over),
    ("interruption: latency, s", lambda scores: scores.interruption_latency_s),
)
