"""What the visitor says, and the sound of it on the film's clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hibari import Hibari
from numpy.typing import NDArray
from scipy.signal import resample_poly

SAMPLE_RATE_HZ = 48_000
LEAD_IN_S = 0.55
SPEECH_RMS_DBFS = -21.0
ROOM_NOISE_DBFS = -66.0

# hibari's one bundled voice may well be the agent's, so the visitor gets another throat: the speech is made
# faster by this ratio and then stretched by it, which lowers pitch and formants together and keeps the tempo.
THROAT_UP, THROAT_DOWN = 12, 11


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that is said, and the silence that follows it."""

    text: str
    pause_after_s: float


SCRIPT = (
    Line(text="Hello! I'm here with my two kids.", pause_after_s=0.35),
    Line(text="Could you tell me when the dinosaur hall closes today?", pause_after_s=2.0),
    Line(text="And where can I buy tickets?", pause_after_s=1.7),
)


@dataclass(frozen=True, kw_only=True)
class SpokenLine:
    """A line with its place on the film's clock; `samples` are the dry voice alone."""

    text: str
    start_s: float
    samples: NDArray[np.float32]

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True, kw_only=True)
class Speech:
    """The whole sound track, mono float32 at SAMPLE_RATE_HZ, and the lines in it."""

    samples: NDArray[np.float32]
    lines: tuple[SpokenLine, ...]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


def speak(*, frame_rate_hz: int, seed: int) -> Speech:
    """Synthesize SCRIPT. The track ends on a whole frame, so picture and sound are equally long."""
    voice = Hibari()
    lines: list[SpokenLine] = []
    now_s = LEAD_IN_S
    for line in SCRIPT:
        spoken = SpokenLine(text=line.text, start_s=now_s, samples=_synthesize(voice, line.text, seed=seed))
        lines.append(spoken)
        now_s = spoken.end_s + line.pause_after_s
    frame_count = round(now_s * frame_rate_hz)
    return Speech(samples=_mix(lines, frame_count * SAMPLE_RATE_HZ // frame_rate_hz, seed=seed), lines=tuple(lines))


def _synthesize(voice: Hibari, text: str, *, seed: int) -> NDArray[np.float32]:
    fast = voice(text, speed=THROAT_UP / THROAT_DOWN, seed=seed)
    up = THROAT_UP * SAMPLE_RATE_HZ // voice.sample_rate
    return _trim_silence(resample_poly(fast, up, THROAT_DOWN).astype(np.float32))


def _trim_silence(samples: NDArray[np.float32], threshold: float = 0.004, keep_s: float = 0.03) -> NDArray[np.float32]:
    """Cut the synthesizer's own silence, so that the pauses are the script's."""
    loud = np.flatnonzero(np.abs(samples) > threshold)
    keep = int(keep_s * SAMPLE_RATE_HZ)
    return samples[max(0, loud[0] - keep) : loud[-1] + keep]


def _mix(lines: list[SpokenLine], sample_count: int, *, seed: int) -> NDArray[np.float32]:
    """The voice at a fixed level over the faint noise of a room: digital silence would sound like a fault."""
    track = np.zeros(sample_count, np.float32)
    for line in lines:
        start = round(line.start_s * SAMPLE_RATE_HZ)
        track[start : start + len(line.samples)] = line.samples
    voiced = np.abs(track) > 1e-3
    track *= _amplitude(SPEECH_RMS_DBFS) / np.sqrt(np.mean(track[voiced] ** 2))
    track += _room_noise(sample_count, seed=seed) * _amplitude(ROOM_NOISE_DBFS)
    return np.clip(track, -0.98, 0.98).astype(np.float32)


def _room_noise(sample_count: int, *, seed: int) -> NDArray[np.float64]:
    """Noise of unit power that falls 6 dB an octave above 200 Hz, as ventilation does."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(sample_count))
    frequency_hz = np.fft.rfftfreq(sample_count, 1 / SAMPLE_RATE_HZ)
    noise = np.fft.irfft(spectrum / np.maximum(frequency_hz, 200.0), sample_count)
    return noise / noise.std()


def _amplitude(dbfs: float) -> float:
    return float(10 ** (dbfs / 20))
