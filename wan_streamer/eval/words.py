"""The words judge: what Whisper base hears, and how far that is from what should have been said."""

from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.judge import Availability, require
from wan_streamer.eval.models import WHISPER_FIRST, WHISPER_SECOND
from wan_streamer.eval.requirements import find_requirements
from wan_streamer.eval.sound import at_rate
from wan_streamer.eval.whisper_model import whisper_folder
from wan_streamer.eval.word_errors import WordErrors, count_word_errors
from wan_streamer.train.data.sources.cache import DataCache, default_root

MODULES: Final = ("faster_whisper", "whisper_normalizer")
BEAMS: Final = 5  # Whisper's own evaluation setting


class WordJudge:
    """English speech to text by Whisper base (int8, on the CPU), and its word errors after Whisper's normaliser.

    Args:
        thread_count: of the CPU.
    """

    name = "words"
    measures = "word error rate of what Whisper base hears, after its English normaliser"

    def __init__(self, cache: DataCache | None = None, *, thread_count: int = 1) -> None:
        self._cache = cache or DataCache(default_root())
        self._thread_count = thread_count

    def availability(self) -> Availability:
        """Needs faster-whisper, whisper-normalizer and the fetched model."""
        return find_requirements(MODULES, (WHISPER_FIRST, WHISPER_SECOND), self._cache)

    def transcribe(self, samples: NDArray[np.floating], rate_hz: int) -> str:
        """What is heard in mono samples, [S], as Whisper writes it. The same sound gives the same text.

        Raises:
            InvalidInput: the judge is unavailable, or this is no sound.
        """
        sound = at_rate(samples, rate_hz)
        segments, _ = self._model.transcribe(
            sound,
            language="en",
            beam_size=BEAMS,
            # One temperature: the usual ladder draws at random once the first answer looks bad.
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(segment.text.strip() for segment in segments)

    def words(self, text: str) -> list[str]:
        """A text as the words that are compared: small letters, no punctuation, numbers as digits, US spelling.

        Raises:
            InvalidInput: the judge is unavailable.
        """
        normalised: str = self._normalise(text)
        return normalised.split()

    def word_errors(self, reference: str, heard: str) -> WordErrors:
        """Errors of `heard` against `reference`, both normalised.

        Raises:
            InvalidInput: the judge is unavailable.
        """
        return count_word_errors(self.words(reference), self.words(heard))

    def judge(self, reference: str, samples: NDArray[np.floating], rate_hz: int) -> WordErrors:
        """Errors of what is heard in the sound against what should be said in it.

        Raises:
            InvalidInput: the judge is unavailable, or this is no sound.
        """
        return self.word_errors(reference, self.transcribe(samples, rate_hz))

    @cached_property
    def _model(self) -> Any:
        require(self)
        return _load(whisper_folder(self._cache), self._thread_count)

    @cached_property
    def _normalise(self) -> Any:
        require(self)
        from whisper_normalizer.english import EnglishTextNormalizer

        return EnglishTextNormalizer()


def _load(folder: Path, thread_count: int) -> Any:
    from faster_whisper import WhisperModel

    # local_files_only: no hub is asked, whatever the environment says.
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=thread_count, local_files_only=True)
