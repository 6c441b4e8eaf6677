"""How far a mouth should be open, heard from speech alone: ridge regression from log mel bands around each moment.

The weights beside this file were fitted on synthetic speech whose lips are known (`wan-streamer eval fit-lips`); they
carry the times, not the looks: a shut mouth in a closure, an open one in a vowel.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.mel import mel_power
from wan_streamer.eval.sound import JUDGE_RATE_HZ, Samples, at_rate
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.unit import FRAME_US

WEIGHTS: Final = Path(__file__).with_name("openness.npz")
STEP_S: Final = 0.01
STEP_SAMPLES, WINDOW_SAMPLES = 160, 400
BANDS: Final = 40
# A moment is heard with 180 ms to each side, in steps of 30 ms: as far as coarticulation reaches.
NEIGHBOURS: Final = tuple(range(-18, 19, 3))
# 70 dB below the loudest moment is silence, whatever the level of the recording.
FLOOR: Final = -7.0
SHRINKAGE: Final = 0.1  # of each weight, as a share of the features' variance

Curve = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class OpennessModel:
    """A linear map from features of a moment to openness.

    Attributes:
        mean, weights: [features].
    """

    mean: Curve
    weights: Curve

    def hear(self, samples: NDArray[np.floating], rate_hz: int) -> Curve:
        """Openness on an arbitrary scale, every 10 ms from the first sample on, [S / rate / 10 ms + 1].

        Raises:
            InvalidInput: this is no sound.
        """
        return np.asarray((openness_features(at_rate(samples, rate_hz)) - self.mean) @ self.weights)

    def save(self, path: Path) -> None:
        """Writes it; the file is whole or not there."""
        content = BytesIO()
        np.savez(content, mean=self.mean.astype(np.float32), weights=self.weights.astype(np.float32))
        replace_file(path, content.getvalue())


def load_openness(path: Path = WEIGHTS) -> OpennessModel:
    """What `save` wrote; the fitted weights when no path is given."""
    with np.load(path) as arrays:
        return OpennessModel(mean=arrays["mean"].astype(np.float64), weights=arrays["weights"].astype(np.float64))


def openness_features(sound: Samples) -> Curve:
    """Log mel bands at each step and its neighbours, [steps, neighbours * bands]; silence beyond the ends."""
    power = mel_power(
        sound, JUDGE_RATE_HZ, window_samples=WINDOW_SAMPLES, hop_samples=STEP_SAMPLES, bands=BANDS
    ).astype(np.float64)
    level = np.log10(power + 1e-12)
    level = np.maximum(level - level.max(), FLOOR)
    reach = NEIGHBOURS[-1]
    padded = np.pad(level, ((reach, reach), (0, 0)), constant_values=FLOOR)
    return np.concatenate([padded[reach + step : reach + step + len(level)] for step in NEIGHBOURS], axis=1)


def fit_openness(clips: Iterable[tuple[Samples, int, Curve]]) -> OpennessModel:
    """Fits the map to clips: mono samples, their rate, and a lip gap for each frame of 40 ms, NaN where unknown."""
    features, targets = [], []
    for samples, rate_hz, gap in clips:
        heard = openness_features(at_rate(samples, rate_hz))
        steps = frame_steps(len(gap))
        known = np.isfinite(gap) & (steps < len(heard))
        features.append(heard[steps[known]])
        # Voices and faces differ in how far they open.
        targets.append(_standard(gap[known]))
    x, y = np.concatenate(features), np.concatenate(targets)
    mean = x.mean(0)
    covariance = np.cov(x, rowvar=False)
    ridge = SHRINKAGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    weights = np.linalg.solve(covariance + ridge, (x - mean).T @ (y - y.mean()) / len(x))
    return OpennessModel(mean=mean, weights=weights)


def frame_steps(frame_count: int) -> NDArray[np.int64]:
    """The step at the middle of each frame."""
    return np.asarray(np.rint((np.arange(frame_count) + 0.5) * FRAME_US / 1e6 / STEP_S), np.int64)


def _standard(values: Curve) -> Curve:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-9))
