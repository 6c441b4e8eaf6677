"""The speaker judge: whether two sounds are the same voice, by Resemblyzer's encoder (GE2E, arXiv 1710.10467)."""

from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.judge import Availability, require
from wan_streamer.eval.mel import mel_power
from wan_streamer.eval.models import RESEMBLYZER
from wan_streamer.eval.requirements import find_requirements
from wan_streamer.eval.sound import JUDGE_RATE_HZ, Samples, at_rate
from wan_streamer.train.data.sources.cache import DataCache, default_root

MODEL: Final = "resemblyzer/pretrained.pt"
BANDS: Final = 40
WINDOW_SAMPLES, HOP_SAMPLES = 400, 160
# The encoder hears 1.6 s at a time; windows overlap by half.
WINDOW_FRAMES: Final = 160
STEP_FRAMES: Final = 77
LEAST_COVERAGE: Final = 0.75
HIDDEN, LAYERS = 256, 3
LOUDNESS_DBFS: Final = -30.0


class SpeakerJudge:
    """Likeness of two voices, -1 to 1 (cosine); cut silence away first when there is much of it."""

    name = "speaker identity"
    measures = "likeness of two voices (cosine of Resemblyzer's embeddings)"

    def __init__(self, cache: DataCache | None = None) -> None:
        self._cache = cache or DataCache(default_root())

    def availability(self) -> Availability:
        """Needs torch and the fetched model."""
        return find_requirements(("torch",), (RESEMBLYZER,), self._cache)

    def embed(self, samples: NDArray[np.floating], rate_hz: int) -> Samples:
        """The voice in mono samples, [S], as a vector of length 1, [256].

        Raises:
            InvalidInput: the judge is unavailable, this is no sound, or it is silent.
        """
        import torch

        windows = speaker_windows(at_rate(samples, rate_hz))
        with torch.inference_mode():
            _, (hidden, _) = self._network["lstm"](torch.from_numpy(windows))
            raw = torch.relu(self._network["linear"](hidden[-1])).numpy()
        mean = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).mean(0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)

    def likeness(self, first: Samples, second: Samples) -> float:
        """Of two vectors of `embed`: about 0.8 and more for one voice, below 0.75 for two."""
        return float(first @ second)

    @cached_property
    def _network(self) -> Any:
        require(self)
        import torch

        path = self._cache.unpacked_path(RESEMBLYZER) / MODEL
        # weights_only: the file may hold numbers and nothing that runs.
        state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        network = torch.nn.ModuleDict(
            {
                "lstm": torch.nn.LSTM(BANDS, HIDDEN, LAYERS, batch_first=True),
                "linear": torch.nn.Linear(HIDDEN, HIDDEN),
            }
        )
        network.load_state_dict({name: value for name, value in state.items() if not name.startswith("similarity")})
        return network.eval()


def speaker_windows(sound: Samples) -> Samples:
    """What the encoder hears, [windows, 160 frames, 40 bands], as Resemblyzer cuts it.

    Raises:
        InvalidInput: SOUND, it is silent.
    """
    loudness = float(np.sqrt(np.mean(sound.astype(np.float64) ** 2)))
    if loudness < 1e-5:
        raise InvalidInput("got silence, expected a voice; cut out the speech first", reason="SOUND")
    # Only ever louder, as the encoder was trained.
    sound = sound * np.float32(max(1.0, 10 ** (LOUDNESS_DBFS / 20) / loudness))
    starts = list(range(0, max(1, len(sound) // HOP_SAMPLES - WINDOW_FRAMES + STEP_FRAMES + 2), STEP_FRAMES))
    covered = (len(sound) - starts[-1] * HOP_SAMPLES) / (WINDOW_FRAMES * HOP_SAMPLES)
    if covered < LEAST_COVERAGE and len(starts) > 1:
        starts.pop()
    missing = (starts[-1] + WINDOW_FRAMES) * HOP_SAMPLES - len(sound)
    padded = np.pad(sound, (0, max(0, missing)))
    mel = mel_power(padded, JUDGE_RATE_HZ, window_samples=WINDOW_SAMPLES, hop_samples=HOP_SAMPLES, bands=BANDS)
    return np.stack([mel[start : start + WINDOW_FRAMES] for start in starts])
