"""Any voice says any text, with times; what was said once is kept."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.voices.aligner import Aligner
from wan_streamer.train.data.voices.clip_file import FORMAT, StoredClip, clip_from_bytes, clip_to_bytes, quantize
from wan_streamer.train.data.voices.engine import Engine, Sound
from wan_streamer.train.data.voices.names import parse_voice
from wan_streamer.train.data.voices.pronunciation import arpabet, misaki_phonemes
from wan_streamer.train.data.voices.spelling import spoken_text
from wan_streamer.train.data.voices.timing import time_speech

# Counts changes of anything that alters clips but is in no engine's version: spelling, alignment, trimming.
_MAKING: Final = 2

OpenEngine = Callable[[DataCache], Engine]


def engines() -> Mapping[str, OpenEngine]:
    """The synthesisers by the first part of their voices' names; none is opened before it speaks."""
    return {"hibari": _hibari, "flite": _flite, "espeak": _espeak, "piper": _piper, "kokoro": _kokoro}


class VoiceBank:
    """Speaks, deterministically. Several processes may share one cache.

    Args:
        open_engines: other synthesisers, by engine name.

    Attributes:
        made: how many clips were made here, by how their times were found: `aligned`; `wide` (a slower search);
            `guessed` (the aligner could not follow: spread over the sound by the number of phones).
    """

    def __init__(self, cache: DataCache, *, open_engines: Mapping[str, OpenEngine] | None = None) -> None:
        self._cache = cache
        self._open_engines = engines() if open_engines is None else open_engines
        self._engines: dict[str, Engine] = {}
        self.made: Counter[str] = Counter()

    def speak(self, voice: str, text: str) -> SpokenClip:
        """A text as a voice says it, trimmed to at most 35 ms of silence at both ends.

        Args:
            voice: `names.AGENT_VOICE` or one of `names.USER_VOICES`.

        Raises:
            InvalidInput: there is no such voice, it is not fetched or fails, or the text cannot be said.
        """
        path = self.path_of(voice, text)
        if path.is_file():
            return clip_from_bytes(path.read_bytes()).clip
        stored = self._make(voice, text)
        self.made[stored.how] += 1
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, clip_to_bytes(stored))
        return stored.clip

    def sound(self, voice: str, text: str) -> Sound:
        """A text as a voice says it, as it comes, without times and without being kept.

        Raises:
            InvalidInput: see `speak`.
        """
        return self._engine(voice).speak(parse_voice(voice), spoken_text(text))

    def path_of(self, voice: str, text: str) -> Path:
        """Where the clip lies once it is made.

        Raises:
            InvalidInput: there is no such voice, or it is not fetched.
        """
        key = f"{FORMAT} {_MAKING} {self._engine(voice).version} {text}"
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self._cache.root / "speech" / voice / digest[:2] / f"{digest[2:26]}.flac"

    def _make(self, voice: str, text: str) -> StoredClip:
        raw = self.sound(voice, text)
        sound = Sound(samples=quantize(raw.samples), sample_rate_hz=raw.sample_rate_hz)
        clip, how, _ = time_speech(sound, voice, text, self.aligner)
        return StoredClip(clip=clip, how=how)

    def _engine(self, voice: str) -> Engine:
        name = parse_voice(voice).engine
        if name not in self._engines:
            if name not in self._open_engines:
                raise InvalidInput(
                    f"got the voice {voice!r}, expected one of the engines {', '.join(self._open_engines)}",
                    reason="VOICE",
                )
            self._engines[name] = self._open_engines[name](self._cache)
        return self._engines[name]

    @cached_property
    def aligner(self) -> Aligner:
        """What finds the words in a sound."""
        return open_aligner()


def open_aligner() -> Aligner:
    """What finds English words in a sound.

    Raises:
        InvalidInput: hibari-tts, which pronounces them, is not installed.
    """
    phonemize = misaki_phonemes()
    return Aligner(lambda word: arpabet(phonemize(word)))


def _hibari(_cache: DataCache) -> Engine:
    from wan_streamer.train.data.voices.hibari import Hibari

    return Hibari()


def _flite(cache: DataCache) -> Engine:
    from wan_streamer.train.data.voices.flite import Flite

    return Flite(cache)


def _espeak(cache: DataCache) -> Engine:
    from wan_streamer.train.data.voices.espeak import Espeak

    return Espeak(cache)


def _piper(cache: DataCache) -> Engine:
    from wan_streamer.train.data.voices.piper import Piper

    return Piper(cache)


def _kokoro(cache: DataCache) -> Engine:
    from wan_streamer.train.data.voices.kokoro import Kokoro

    return Kokoro(cache)
