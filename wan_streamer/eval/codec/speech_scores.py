"""What the judges say of one way to send speech, over all clips."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from wan_streamer.eval.codec.spoken_clips import SpokenText
from wan_streamer.eval.judge import Availability, Unavailable
from wan_streamer.eval.quality import SpeechQuality
from wan_streamer.eval.word_errors import WordErrors, add_word_errors
from wan_streamer.model.causal import LogMel

Samples = NDArray[np.float32]


class HearsWords(Protocol):
    """As `WordJudge`."""

    def availability(self) -> Availability:
        """Whether it can run."""

    def judge(self, reference: str, samples: NDArray[np.floating], rate_hz: int) -> WordErrors:
        """Word errors of a sound."""


class HearsQuality(Protocol):
    """As `QualityJudge`."""

    def availability(self) -> Availability:
        """Whether it can run."""

    def judge(self, samples: NDArray[np.floating], rate_hz: int) -> SpeechQuality:
        """Scores of a sound."""


@dataclass(frozen=True, kw_only=True)
class SpeechJudges:
    """Those that are asked."""

    words: HearsWords
    quality: HearsQuality


@dataclass(frozen=True, kw_only=True)
class SpeechScores:
    """Scores of one way; `words` has the errors of each clip, `quality` the means of the clips."""

    words: tuple[WordErrors, ...] | Unavailable
    quality: SpeechQuality | Unavailable


def score_speech(
    clips: Sequence[SpokenText],
    sounds: Sequence[Samples],
    rate_hz: int,
    judges: SpeechJudges,
    on_clip: Callable[[], None],
) -> SpeechScores:
    """Asks the judges that are available.

    Args:
        sounds: the clips as they came back.
        on_clip: called after each clip.
    """
    no_words, no_quality = (_reason(judge.availability()) for judge in (judges.words, judges.quality))
    words, quality = [], []
    for clip, sound in zip(clips, sounds, strict=True):
        if no_words is None:
            words.append(judges.words.judge(clip.text, sound, rate_hz))
        if no_quality is None:
            quality.append(judges.quality.judge(sound, rate_hz))
        on_clip()
    return SpeechScores(words=no_words or tuple(words), quality=no_quality or _mean(quality))


def word_rise(before: Sequence[WordErrors], after: Sequence[WordErrors], seed: int) -> tuple[float, float]:
    """By how many points the word error rate rises, and the standard error of that (1,000 bootstraps over clips)."""
    random = np.random.default_rng(seed)
    draws = random.integers(0, len(before), (1000, len(before)))
    rises = [_rise([before[i] for i in draw], [after[i] for i in draw]) for draw in draws.tolist()]
    return _rise(before, after), float(np.std(rises))


@torch.inference_mode()
def log_mel_distance(original: Sequence[Samples], coded: Sequence[Samples], rate_hz: int, bands: int) -> float:
    """Mean absolute difference of the natural logarithms of mel bands (model.causal.LogMel), over all frames."""
    log_mel = LogMel(rate_hz, bands)
    differences = [
        (log_mel(torch.from_numpy(after)[None]) - log_mel(torch.from_numpy(before)[None])).abs().flatten()
        for before, after in zip(original, coded, strict=True)
    ]
    return float(torch.cat(differences).mean())


def _reason(found: Availability) -> Unavailable | None:
    return found if isinstance(found, Unavailable) else None


def _mean(scores: Sequence[SpeechQuality]) -> SpeechQuality:
    rows = np.asarray([(score.signal, score.background, score.overall) for score in scores])
    signal, background, overall = rows.mean(axis=0).tolist()
    return SpeechQuality(signal=signal, background=background, overall=overall)


def _rise(before: Sequence[WordErrors], after: Sequence[WordErrors]) -> float:
    return (add_word_errors(after).rate - add_word_errors(before).rate) * 100
