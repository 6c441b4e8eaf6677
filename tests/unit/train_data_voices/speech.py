"""A synthesiser of buzzes for tests: a buzz of 200 ms for each word, 100 ms of silence after it."""

import numpy as np

from wan_streamer.train.data.voices.engine import Sound
from wan_streamer.train.data.voices.names import VoiceName

RATE_HZ = 16_000
WORD_MS, GAP_MS, LEAD_MS = 200, 100, 300


class Buzzer:
    """Counts what it says."""

    version = "buzzer 1"

    def __init__(self) -> None:
        self.said: list[str] = []

    def speak(self, name: VoiceName, text: str) -> Sound:
        """One buzz a word, silence around all."""
        self.said.append(text)
        return buzzes(len(text.split()))


def buzzes(word_count: int, *, gap_ms: int = GAP_MS) -> Sound:
    """LEAD_MS of silence, then the words."""
    buzz = 0.3 * np.sign(np.sin(2 * np.pi * 140 * np.arange(RATE_HZ * WORD_MS // 1000) / RATE_HZ))
    word = [buzz, np.zeros(RATE_HZ * gap_ms // 1000)]
    lead = np.zeros(RATE_HZ * LEAD_MS // 1000)
    return Sound(samples=np.concatenate([lead, *word * word_count, lead]).astype(np.float32), sample_rate_hz=RATE_HZ)
