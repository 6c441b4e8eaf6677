"""Peak signal-to-noise ratio of pictures, over all values together."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

PEAK: Final = 255.0


def psnr_db(pairs: Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> float:
    """10 log10(255^2 / mean squared error) of pairs of equal shapes; infinite for equal ones.

    One mean for all values: films of other difficulty are not averaged in decibels.
    """
    error, count = 0.0, 0
    for original, coded in pairs:
        difference = original.astype(np.float64) - coded
        error += float(np.square(difference).sum())
        count += difference.size
    return float(10 * np.log10(PEAK**2 * count / error)) if error else float("inf")
