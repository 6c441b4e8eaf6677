"""The speech activity judge: when somebody speaks, by Silero VAD."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.judge import Availability, require
from wan_streamer.eval.models import SILERO
from wan_streamer.eval.onnx_session import open_session
from wan_streamer.eval.requirements import find_requirements
from wan_streamer.eval.sound import JUDGE_RATE_HZ, Samples, at_rate
from wan_streamer.train.data.sources.cache import DataCache, default_root

MODEL: Final = "silero_vad/data/silero_vad.onnx"
FRAME_SAMPLES: Final = 512
CONTEXT_SAMPLES: Final = 64
STATE_SHAPE: Final = (2, 1, 128)
FRAME_S: Final = FRAME_SAMPLES / JUDGE_RATE_HZ
SURE, HALF_SURE = 0.5, 0.35
# The model lets go late: measured on clean clips that end at a known time, median of 40 clips.
END_LAG_S: Final = 0.08
LEAST_PAUSE_S: Final = 0.2
LEAST_SPEECH_S: Final = 0.06


@dataclass(frozen=True, kw_only=True)
class SpeechSpan:
    """Somebody speaks from `begin_s` to `end_s`, seconds from the first sample."""

    begin_s: float
    end_s: float


class ActivityJudge:
    """Silero VAD: probability of speech every 32 ms, and the spans of speech that follow from it."""

    name = "speech activity"
    measures = "when speech begins and ends (Silero VAD)"

    def __init__(self, cache: DataCache | None = None) -> None:
        self._cache = cache or DataCache(default_root())

    def availability(self) -> Availability:
        """Needs onnxruntime and the fetched model."""
        return find_requirements(("onnxruntime",), (SILERO,), self._cache)

    def probabilities(self, samples: NDArray[np.floating], rate_hz: int) -> Samples:
        """Probability of speech in each frame of 32 ms, [frames]; the last frame is filled with zeros.

        Raises:
            InvalidInput: the judge is unavailable, or this is no sound.
        """
        state = np.zeros(STATE_SHAPE, np.float32)
        rate = np.asarray(JUDGE_RATE_HZ, np.int64)
        found = []
        for frame in activity_frames(at_rate(samples, rate_hz)):
            probability, state = self._session.run(None, {"input": frame[None], "state": state, "sr": rate})
            found.append(float(probability[0, 0]))
        return np.asarray(found, np.float32)

    def spans(self, samples: NDArray[np.floating], rate_hz: int) -> list[SpeechSpan]:
        """When somebody speaks in mono samples, [S]; a pause below 0.2 s does not end a span.

        Raises:
            InvalidInput: the judge is unavailable, or this is no sound.
        """
        return speech_spans(self.probabilities(samples, rate_hz))

    @cached_property
    def _session(self) -> Any:
        require(self)
        return open_session(self._cache.unpacked_path(SILERO) / MODEL)


def activity_frames(sound: Samples) -> Samples:
    """What the model hears, [frames, 64 + 512]: each frame after the last 64 samples before it (zeros at first).

    Without this context the model gives nonsense, which is easy to miss.
    """
    frame_count = -(-len(sound) // FRAME_SAMPLES)
    padded = np.zeros(CONTEXT_SAMPLES + frame_count * FRAME_SAMPLES, np.float32)
    padded[CONTEXT_SAMPLES : CONTEXT_SAMPLES + len(sound)] = sound
    windows = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT_SAMPLES + FRAME_SAMPLES)
    return np.ascontiguousarray(windows[::FRAME_SAMPLES])


def speech_spans(probabilities: Samples) -> list[SpeechSpan]:
    """Spans from probabilities, [frames]: from the first half-sure frame to the last sure one."""
    spans: list[SpeechSpan] = []
    for first, last in _runs(probabilities):
        begin_s, end_s = first * FRAME_S, (last + 1) * FRAME_S - END_LAG_S
        if spans and begin_s - spans[-1].end_s < LEAST_PAUSE_S:
            spans[-1] = SpeechSpan(begin_s=spans[-1].begin_s, end_s=end_s)
        elif end_s - begin_s >= LEAST_SPEECH_S:
            spans.append(SpeechSpan(begin_s=begin_s, end_s=end_s))
    return spans


def _runs(probabilities: Samples) -> list[tuple[int, int]]:
    """First frame and last sure frame of each run of half-sure frames that has a sure one."""
    edges = np.flatnonzero(np.diff(probabilities > HALF_SURE, prepend=False, append=False))
    runs = []
    for first, end in edges.reshape(-1, 2):
        sure = np.flatnonzero(probabilities[first:end] > SURE)
        if len(sure):
            runs.append((int(first), int(first + sure[-1])))
    return runs
