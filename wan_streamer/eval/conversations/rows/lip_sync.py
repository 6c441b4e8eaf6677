"""Whether the agent's lips belong to its voice."""

from collections.abc import Sequence

import numpy as np

from wan_streamer.eval.conversations.intervals import bootstrap
from wan_streamer.eval.conversations.judged import Judged, Trial
from wan_streamer.eval.conversations.looked import SeenLips
from wan_streamer.eval.conversations.score import NoTrials, Result, Score
from wan_streamer.eval.judge import Unavailable

IN_TIME_MS = 60.0


def lips_in_time(judged: Judged) -> tuple[Trial, ...]:
    """Passes: lips and sound of a stretch of speech of 2 s or more fit best at an offset of at most 60 ms.

    A stretch in which no face with moving lips is seen fails. Lips that move at random pass one time in five.
    """
    return tuple(_trial(one) for one in _lips(judged))


def lip_correlation(talks: Sequence[Judged], rendered: Sequence[Judged], seed: int) -> Result:
    """Mean correlation of lips and sound where they fit best, as a multiple of that of the truth before the codecs.

    Stretches without a face with moving lips count as 0.
    """
    groups = [group for judged in talks if (group := _correlations(judged))]
    if not groups:
        return NoTrials("no speech of 2 s in the films")
    reference = [value for judged in rendered for value in _correlations(judged)]
    if not reference or np.mean(reference) <= 0:
        return Unavailable("the truth without codecs has no lips to compare with")
    whole = float(np.mean(reference))
    low, high = bootstrap(groups, lambda drawn: _mean(drawn) / whole, seed)
    return Score(value=_mean(groups) / whole, low=low, high=high, count=sum(map(len, groups)))


def _trial(lips: SeenLips) -> Trial:
    if lips.offset is None:
        return Trial(event=f"{lips.begin_us}", passed=False, got="no lips that move")
    offset_ms = lips.offset.offset_ms
    return Trial(event=f"{lips.begin_us}", passed=abs(offset_ms) <= IN_TIME_MS, got=f"{offset_ms:+.0f} ms")


def _lips(judged: Judged) -> tuple[SeenLips, ...]:
    return judged.looked.lips if judged.looked is not None else ()


def _correlations(judged: Judged) -> list[float]:
    return [one.offset.correlation if one.offset is not None else 0.0 for one in _lips(judged)]


def _mean(groups: Sequence[Sequence[float]]) -> float:
    return float(np.mean([value for group in groups for value in group]))
