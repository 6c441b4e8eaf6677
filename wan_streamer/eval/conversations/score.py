"""A number of the report with its interval, or why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wan_streamer.eval.conversations.intervals import poisson, wilson
from wan_streamer.eval.conversations.judged import Trial
from wan_streamer.eval.judge import Unavailable

PERCENT: Final = 100.0


@dataclass(frozen=True, kw_only=True)
class Score:
    """A number.

    Attributes:
        low, high: 95 % interval; None where there is none.
        count: of what it is computed from.
        counted: in what, "n" stands for trials.
        note: what else is to be said of it, in a few words.
    """

    value: float
    low: float | None = None
    high: float | None = None
    count: int
    counted: str = "n"
    note: str = ""


@dataclass(frozen=True)
class NoTrials:
    """There was nothing to measure; `reason` says what."""

    reason: str = "no trials"


@dataclass(frozen=True)
class Failed:
    """What was to be measured is not there (no face in the picture); `reason` says what."""

    reason: str


Result = Score | NoTrials | Failed | Unavailable


def share(trials: Sequence[Trial], unreached: str = "") -> Result:
    """The share of trials that passed.

    Args:
        unreached: says what it is not to be where the thing could be done, with `{count}` for how many times.
    """
    if not trials:
        return NoTrials()
    passed = sum(trial.passed for trial in trials)
    low, high = wilson(passed, len(trials))
    missing = sum(not trial.reached for trial in trials)
    note = unreached.format(count=missing) if missing else ""
    return Score(value=passed / len(trials), low=low, high=high, count=len(trials), note=note)


def rate(count: int, exposure: float, note: str) -> Result:
    """Events per exposure."""
    if exposure <= 0:
        return NoTrials()
    low, high = poisson(count, exposure)
    return Score(value=count / exposure, low=low, high=high, count=count, note=note)
