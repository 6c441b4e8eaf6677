"""The speech quality judge: DNSMOS P.835 (Reddy et al., arXiv 2110.01763), trained on ratings by people."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.judge import Availability, require
from wan_streamer.eval.models import DNSMOS
from wan_streamer.eval.onnx_session import open_session
from wan_streamer.eval.requirements import find_requirements
from wan_streamer.eval.sound import JUDGE_RATE_HZ, Samples, at_rate
from wan_streamer.train.data.sources.cache import DataCache, default_root

MODEL: Final = "speechmos/dnsmos_models/sig_bak_ovr.onnx"
WINDOW_S: Final = 9.01
# From the network's numbers to the scale of the ratings, highest power first; as published with the model.
SIGNAL_FIT: Final = (-0.08397278, 1.22083953, 0.0052439)
BACKGROUND_FIT: Final = (-0.13166888, 1.60915514, -0.39604546)
OVERALL_FIT: Final = (-0.06766283, 1.11546468, 0.04602535)


@dataclass(frozen=True, kw_only=True)
class SpeechQuality:
    """Predicted mean opinion scores, 1 (bad) to 5 (excellent).

    Attributes:
        signal: of the speech alone.
        background: of what is heard besides it.
    """

    signal: float
    background: float
    overall: float


class QualityJudge:
    """DNSMOS without a reference. It was trained on recorded speech with noise; on codecs and synthesis it ranks."""

    name = "speech quality"
    measures = "predicted opinion scores of signal, background and overall (DNSMOS P.835), 1 to 5"

    def __init__(self, cache: DataCache | None = None) -> None:
        self._cache = cache or DataCache(default_root())

    def availability(self) -> Availability:
        """Needs onnxruntime and the fetched model."""
        return find_requirements(("onnxruntime",), (DNSMOS,), self._cache)

    def judge(self, samples: NDArray[np.floating], rate_hz: int) -> SpeechQuality:
        """Scores of mono samples, [S]; those of windows of 9 s, a second apart, are averaged.

        Raises:
            InvalidInput: the judge is unavailable, or this is no sound.
        """
        sound = at_rate(samples, rate_hz)
        raw = np.mean([self._fitted(window) for window in quality_windows(sound)], axis=0)
        return SpeechQuality(signal=float(raw[0]), background=float(raw[1]), overall=float(raw[2]))

    def _fitted(self, window: Samples) -> list[float]:
        raw = self._session.run(None, {"input_1": window[None]})[0][0]
        fits = (SIGNAL_FIT, BACKGROUND_FIT, OVERALL_FIT)
        return [float(np.polyval(fit, value)) for fit, value in zip(fits, raw, strict=True)]

    @cached_property
    def _session(self) -> Any:
        require(self)
        return open_session(self._cache.unpacked_path(DNSMOS) / MODEL)


def quality_windows(sound: Samples) -> Iterator[Samples]:
    """The windows that the model hears: short sound is doubled until it fills one, as in its authors' code."""
    length = int(WINDOW_S * JUDGE_RATE_HZ)
    # Peaks of a resampled loud sound may pass 1, which the model has never seen.
    sound = np.clip(sound, -1.0, 1.0)
    while len(sound) < length:
        sound = np.concatenate([sound, sound])
    count = int(len(sound) // JUDGE_RATE_HZ - WINDOW_S) + 1
    for index in range(count):
        window = sound[index * JUDGE_RATE_HZ : int((index + WINDOW_S) * JUDGE_RATE_HZ)]
        if len(window) == length:
            yield window
