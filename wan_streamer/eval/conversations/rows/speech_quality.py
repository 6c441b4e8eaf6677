"""How the agent's speech sounds."""

from collections.abc import Sequence

import numpy as np

from wan_streamer.eval.conversations.intervals import bootstrap
from wan_streamer.eval.conversations.judged import Judged
from wan_streamer.eval.conversations.score import NoTrials, Result, Score


def speech_quality(talks: Sequence[Judged], seed: int) -> Result:
    """Mean DNSMOS (overall) of all stretches of speech of 2 s and more."""
    groups = [[one.quality for one in judged.heard.stretches if one.quality is not None] for judged in talks]
    groups = [group for group in groups if group]
    if not groups:
        return NoTrials("no speech of 2 s")
    low, high = bootstrap(groups, _mean, seed)
    return Score(value=_mean(groups), low=low, high=high, count=sum(map(len, groups)))


def _mean(groups: Sequence[Sequence[float]]) -> float:
    return float(np.mean([value for group in groups for value in group]))
