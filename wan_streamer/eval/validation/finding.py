"""What a validation found: a number, its limit, and whether it holds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Bound = Literal["at most", "at least"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One question about one judge.

    Attributes:
        value: None when the judge is unavailable; `note` then has the reason.
        case_count: on how many cases it stands.
        note: further numbers, in words.
    """

    judge: str
    question: str
    bound: Bound
    limit: float
    value: float | None
    case_count: int = 0
    note: str = ""

    @property
    def state(self) -> Literal["pass", "fail", "unavailable"]:
        """Whether the value keeps the limit."""
        if self.value is None:
            return "unavailable"
        is_kept = self.value <= self.limit if self.bound == "at most" else self.value >= self.limit
        return "pass" if is_kept else "fail"

    def as_json(self) -> dict[str, object]:
        """For a file."""
        return {**asdict(self), "state": self.state}


def share_within(errors: Sequence[float] | NDArray[np.float64], limit: float) -> float:
    """Share of errors that are at most `limit` to either side."""
    return float(np.mean(np.abs(np.asarray(errors, np.float64)) <= limit))


def separation(same: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Share of answers that are right at the best threshold, both kinds counting alike, and that threshold.

    Args:
        same: scores of pairs that belong together; higher means more alike.
        other: of pairs that do not.
    """
    mine, theirs = np.sort(same), np.sort(other)
    thresholds = np.concatenate([mine, theirs])
    right_same = 1 - np.searchsorted(mine, thresholds, "left") / len(mine)
    right_other = np.searchsorted(theirs, thresholds, "left") / len(theirs)
    best = int((right_same + right_other).argmax())
    return float((right_same + right_other)[best] / 2), float(thresholds[best])
