"""eSpeak NG: formant synthesis, many throats and accents, and the phonemes that the piper voice was trained on."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.recipes import espeak_voices
from wan_streamer.train.data.voices import espeak_program
from wan_streamer.train.data.voices.engine import Sound, run_engine, unpacked
from wan_streamer.train.data.voices.names import VoiceName

SAMPLE_RATE_HZ: Final = 22_050
# Its own default of 175 sounds hurried beside the other voices.
_RATE_WPM: Final = 160
# It knows British English by its bare name only.
_LANGUAGES: Final = MappingProxyType({"en-gb": "en"})


class Espeak:
    """Starts `espeak_program.py` once a sentence.

    Raises:
        InvalidInput: it is not fetched.
    """

    def __init__(self, cache: DataCache) -> None:
        self._recipe = espeak_voices()
        folder = unpacked(cache, self._recipe)[0] / "espeakng_loader"
        self._command: list[str | Path] = [
            sys.executable,
            "-I",
            "-S",
            Path(espeak_program.__file__),
            folder / "libespeak-ng.so.1.52.0",
            folder / "espeak-ng-data",
        ]

    @property
    def version(self) -> str:
        """Name and version, and how fast it speaks."""
        return f"espeak-ng {self._recipe.packages[0].version} {_RATE_WPM}"

    def speak(self, name: VoiceName, text: str) -> Sound:
        """Says a text.

        Raises:
            InvalidInput: the program failed.
        """
        request = {
            "voice": f"{_LANGUAGES.get(name.accent, name.accent)}+{name.speaker}",
            "rate_wpm": _RATE_WPM,
            "text": text,
        }
        data = run_engine(self._command, request=json.dumps(request))
        samples = np.frombuffer(data, "<i2") / np.float32(32768)
        return Sound(samples=samples.astype(np.float32), sample_rate_hz=SAMPLE_RATE_HZ)

    def phonemes(self, accent: str, clauses: Sequence[str]) -> list[str]:
        """IPA of each clause.

        Raises:
            InvalidInput: the program failed.
        """
        data = run_engine(self._command, request=json.dumps({"voice": accent, "clauses": list(clauses)}))
        return [str(clause) for clause in json.loads(data)]
