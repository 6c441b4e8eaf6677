"""Whether a curve beats with the units: clicks at the borders of units, flicker of pictures.

The curves of all clips, each whole units long and without its own mean, are put one behind the other, so that whatever
keeps step with the units adds up from clip to clip, and whatever does not cancels out. Of the power spectrum of this
one curve, each harmonic of 6.25 Hz is divided by the mean of the bins around it, to half-way to the next harmonics. The
rhythm is the mean of these ratios over all harmonics up to half the curve's rate: about 1 for a curve that knows
nothing of units, and it grows with the number of units when something keeps step.

What chance does is seen in the same spectrum: the comb of the harmonics is shifted, bin by bin, to where nothing keeps
step, and its value there is taken as often as there are bins between two harmonics.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]

BAND_PERCENTILE: Final = 99.0


@dataclass(frozen=True, kw_only=True)
class RhythmChange:
    """The rhythm of originals and of what came back.

    Attributes:
        band: by how much it may grow by chance: 99 % of the growths of the shifted combs.
    """

    original: float
    coded: float
    band: float

    @property
    def limit(self) -> float:
        """What the rhythm may be without being above the original's."""
        return self.original + self.band


def rhythm(curves: Sequence[Curve], period: int) -> float:
    """The rhythm of curves, [k * period] each; see the top of this file."""
    return float(harmonic_ratios(curves, period).mean())


def harmonic_ratios(curves: Sequence[Curve], period: int) -> Curve:
    """Each harmonic's power as a multiple of what is around it, [period // 2]."""
    return np.asarray(_ratios(curves, period)[:, 0])


def compare_rhythm(original: Sequence[Curve], coded: Sequence[Curve], period: int) -> RhythmChange:
    """The rhythms of both, and how much of their difference is chance."""
    before, after = (_ratios(curves, period).mean(axis=0) for curves in (original, coded))
    growth = after - before
    return RhythmChange(
        original=float(before[0]), coded=float(after[0]), band=float(np.percentile(growth[1:], BAND_PERCENTILE))
    )


def _ratios(curves: Sequence[Curve], period: int) -> Curve:
    """Ratios of each harmonic, and of the bins below it that go up to the half-way, [period // 2, 1 + bins]."""
    joined = np.concatenate([curve - curve.mean() for curve in curves])
    units, rest = divmod(len(joined), period)
    assert not rest, "curves are whole units long"
    half = units // 2
    assert half > 1, "between the harmonics of so few units there is nothing"
    power = np.abs(np.fft.rfft(joined)) ** 2
    return np.stack([_around(power, harmonic * units, half) for harmonic in range(1, period // 2 + 1)])


def _around(power: Curve, at: int, half: int) -> Curve:
    below, above = power[at - half + 1 : at], power[at + 1 : at + half]
    mean = np.concatenate([below, above]).mean()
    found = np.concatenate([power[at : at + 1], below])
    # Where there is nothing at all nothing keeps step.
    return found / mean if mean else np.ones_like(found)
