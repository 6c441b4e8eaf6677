"""How sure a number is: 95 % intervals of shares, rates and statistics."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Final, TypeVar

import numpy as np

Z: Final = 1.959964
DRAWS: Final = 1000
Group = TypeVar("Group")


def wilson(passed: int, count: int) -> tuple[float, float]:
    """Of a share (Wilson 1927): stays within 0 to 1, and is honest of few trials. `count` is above 0."""
    share, square = passed / count, Z * Z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = Z * sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson(count: int, exposure: float) -> tuple[float, float]:
    """Of a rate, events per exposure (Garwood 1936). `exposure` is above 0."""
    from scipy.stats import chi2

    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return float(low / exposure), float(chi2.ppf(0.975, 2 * count + 2) / 2 / exposure)


def bootstrap(groups: Sequence[Group], statistic: Callable[[Sequence[Group]], float], seed: int) -> tuple[float, float]:
    """Of a statistic of groups (conversations) that are drawn again, with replacement, 1,000 times."""
    random = np.random.default_rng(seed)
    draws = random.integers(0, len(groups), (DRAWS, len(groups))).tolist()
    found = [statistic([groups[index] for index in draw]) for draw in draws]
    low, high = np.percentile(found, [2.5, 97.5]).tolist()
    return low, high
