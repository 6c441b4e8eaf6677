"""Many people talk in the background and none can be understood.

The talkers are the actors of `amazon-queen` (its training split: nobody is heard here who is kept for evaluation).
Where that source is not fetched, voices without words talk instead: syllables of drawn vowels.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from wan_streamer.train.data.conversation import USER_RATE_HZ
from wan_streamer.train.data.sound.levels import unit_power
from wan_streamer.train.data.sound.voiced import Signal, band, envelope, join, power_one, pulses, resonate, seconds
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.clip import read_samples
from wan_streamer.train.data.sources.fetch import manifest_path
from wan_streamer.train.data.sources.manifest import read_manifest
from wan_streamer.train.data.sources.recipes import AMAZON_QUEEN

TALKERS: Final = (5, 9)
_CLIPS: Final = 160
_CLIP_SECONDS: Final = (2.0, 8.0)
_VOWELS_HZ: Final = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240))


def background_speech(cache: DataCache) -> tuple[NDArray[np.float32], ...]:
    """Recorded sentences at 16 kHz, each with a root mean square of 1; () when the source is not fetched.

    Raises:
        InvalidInput: the source is damaged.
    """
    path = manifest_path(cache, AMAZON_QUEEN)
    if not path.is_file():
        return ()
    least_s, most_s = _CLIP_SECONDS
    clips = [clip for clip in read_manifest(path).split("train") if least_s <= clip.seconds <= most_s]
    return tuple(
        unit_power(soxr.resample(read_samples(clip, cache.root).astype(np.float64), clip.sample_rate_hz, USER_RATE_HZ))
        for clip in clips[:: max(1, len(clips) // _CLIPS)][:_CLIPS]
    )


def babble(count: int, sentences: Sequence[NDArray[np.float32]], rng: np.random.Generator) -> Signal:
    """Five to eight talkers, some nearer than others."""
    talkers = [_talker(count, sentences, rng) * rng.uniform(0.4, 1.0) for _ in range(rng.integers(*TALKERS))]
    return np.sum(talkers, axis=0) + 0.02 * rng.standard_normal(count)


def _talker(count: int, sentences: Sequence[NDArray[np.float32]], rng: np.random.Generator) -> Signal:
    parts: list[Signal] = []
    # In the middle of a sentence at first, as when a door opens.
    begin = int(rng.integers(0, seconds(3)))
    missing = begin + count
    while missing > 0:
        sentence = _sentence(rng) if not sentences else sentences[int(rng.integers(len(sentences)))].astype(np.float64)
        parts += [sentence, np.zeros(seconds(rng.uniform(0.1, 0.8)))]
        missing -= len(parts[-1]) + len(parts[-2])
    return join(parts)[begin : begin + count]


def _sentence(rng: np.random.Generator) -> Signal:
    """Four to eleven syllables of one throat."""
    mouth, pitch_hz = rng.uniform(0.9, 1.2), rng.uniform(95, 220)
    syllables = []
    for _ in range(rng.integers(4, 12)):
        vowel = np.array(_VOWELS_HZ[rng.integers(len(_VOWELS_HZ))]) * mouth
        length = seconds(rng.uniform(0.13, 0.28))
        pitch = envelope(length, [(0, 1), (0.5, rng.uniform(0.95, 1.15)), (1, 0.95)]) * pitch_hz
        voiced = power_one(resonate(pulses(pitch, rng), vowel, [80.0, 100.0, 160.0]))
        onset = 0.5 * power_one(band(rng.standard_normal(length), 1500, 6000))
        onset *= envelope(length, [(0, rng.uniform(0, 0.6)), (0.25, 0), (1, 0)])
        syllables.append(voiced * envelope(length, [(0, 0), (0.3, 1), (0.75, 0.8), (1, 0.05)]) + onset)
        pitch_hz *= rng.uniform(0.94, 1.03)
    return power_one(join(syllables))
