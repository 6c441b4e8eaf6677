"""The sounds and noises of a conversation, made on the spot."""

import zlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.conversation import USER_RATE_HZ
from wan_streamer.train.data.events import NoiseName, Sound, SoundName
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.sound.babble import babble, background_speech
from wan_streamer.train.data.sound.body_sounds import cough, laugh, sneeze
from wan_streamer.train.data.sound.levels import unit_loudness, unit_power
from wan_streamer.train.data.sound.noise_beds import hum, music, rain, street
from wan_streamer.train.data.sound.room_sounds import door, footsteps, phone
from wan_streamer.train.data.sound.voiced import Signal
from wan_streamer.train.data.sources.cache import DataCache

# Whole milliseconds, so that times in microseconds are exact.
_SAMPLES_A_MS: Final = USER_RATE_HZ // 1000
_FRAME_MS: Final = 20

_SOUNDS: Final[Mapping[SoundName, Callable[[np.random.Generator], Signal]]] = {
    "cough": cough, "sneeze": sneeze, "laugh": laugh, "door": door, "phone": phone, "footsteps": footsteps,
}  # fmt: skip
_NOISES: Final[Mapping[NoiseName, Callable[[int, np.random.Generator], Signal]]] = {
    "street": street, "hum": hum, "music": music, "rain": rain,
}  # fmt: skip


class SoundBank:
    """Every sound event has a sound of its own, which its script's name and its id draw.

    Args:
        cache: where recorded background speech lies, if it is fetched.
    """

    def __init__(self, cache: DataCache) -> None:
        self._cache = cache

    def durations_us(self, script: Script) -> dict[str, int]:
        """The length of each sound of a script, for `Durations.sounds_us`."""
        return {
            event.id: len(self.sound_of(script, event)) // _SAMPLES_A_MS * 1000
            for event in script.events
            if isinstance(event, Sound)
        }

    def sound_of(self, script: Script, event: Sound) -> NDArray[np.float32]:
        """Mono at 16 kHz, whole milliseconds long, as loud as `unit_loudness` makes it."""
        rng = np.random.default_rng(zlib.crc32(f"{script.name}/{event.id}/{event.sound}".encode()))
        sound = _SOUNDS[event.sound](rng)
        return unit_loudness(sound[: len(sound) // _SAMPLES_A_MS * _SAMPLES_A_MS], _FRAME_MS * _SAMPLES_A_MS)

    def noise(self, name: NoiseName, sample_count: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Mono at 16 kHz, with a root mean square of 1.

        Raises:
            InvalidInput: the fetched background speech is damaged.
        """
        if name == "babble":
            return unit_power(babble(sample_count, self._background_speech, rng))
        return unit_power(_NOISES[name](sample_count, rng))

    @cached_property
    def _background_speech(self) -> tuple[NDArray[np.float32], ...]:
        return background_speech(self._cache)
