"""The agent's voice."""

import hashlib

from wan_streamer.train.data.sources.voice import SAMPLE_RATE_HZ, hibari_voice
from wan_streamer.train.data.voices.engine import Sound
from wan_streamer.train.data.voices.names import VoiceName


class Hibari:
    """hibari-tts, with a breath that depends on the text alone.

    Raises:
        InvalidInput: hibari-tts is not installed.
    """

    def __init__(self) -> None:
        self._say, self._version = hibari_voice()

    @property
    def version(self) -> str:
        """Name and version."""
        return self._version

    def speak(self, name: VoiceName, text: str) -> Sound:
        """Says a text; there is one speaker."""
        assert name.speaker == "heart"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        return Sound(samples=self._say(text, seed), sample_rate_hz=SAMPLE_RATE_HZ)
