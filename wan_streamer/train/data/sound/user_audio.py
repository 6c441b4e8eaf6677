"""What the microphone hears: the visitors in their room, the sounds, the noise; everything but the agent.

The visitors are made equally loud first (each as a whole, so that the loudness inside a sentence stays), then each gets
a little more or less. The visitors' speech while they speak, as it leaves the microphone, is the level that
`level_dbfs`, `snr_db` and the loudness of sounds are measured from.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from wan_streamer.train.data.conversation import USER_RATE_HZ
from wan_streamer.train.data.events import AgentTurn, NoiseBed, Sound, SoundName
from wan_streamer.train.data.sound.acoustics import Acoustics
from wan_streamer.train.data.sound.levels import amplitude, root_mean_square
from wan_streamer.train.data.sound.microphone import band_limit, overdrive, own_noise
from wan_streamer.train.data.sound.placing import place_utterances
from wan_streamer.train.data.sound.room import room_response
from wan_streamer.train.data.sound.sample_clock import sample_at
from wan_streamer.train.data.sound.sound_bank import SoundBank
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.timeline import Happening, Timeline, Utterance

# Above the visitors' speech, while they sound.
SOUND_LEVELS_DB: Final[Mapping[SoundName, float]] = {
    "cough": 3.0, "sneeze": 5.0, "laugh": 0.0, "door": 2.0, "phone": -4.0, "footsteps": -10.0,
}  # fmt: skip
_VISITOR_SPREAD_DB: Final = 3.0
_BED_FADE_US: Final = 50_000


def user_audio(
    timeline: Timeline, clips: Mapping[str, SpokenClip], sounds: SoundBank, acoustics: Acoustics, seed: int
) -> NDArray[np.float32]:
    """Mono at 16 kHz, exactly as long as the timeline. The same arguments give the same samples.

    Args:
        clips: by the ids of the visitors' turns and backchannels; others are passed over.

    Raises:
        InvalidInput: see `place_utterances`.
    """
    return _Hearing(timeline, clips, sounds, acoustics, seed).heard()


class _Hearing:
    def __init__(
        self,
        timeline: Timeline,
        clips: Mapping[str, SpokenClip],
        sounds: SoundBank,
        acoustics: Acoustics,
        seed: int,
    ) -> None:
        self._timeline = timeline
        self._sounds = sounds
        self._acoustics = acoustics
        self._seed = seed
        self._sample_count = sample_at(timeline.duration_us, USER_RATE_HZ)
        self._utterances = [span for span in timeline.utterances if not isinstance(span.event, AgentTurn)]
        self._clips = clips

    def heard(self) -> NDArray[np.float32]:
        """Everything together."""
        room = band_limit(self._speech(), self._acoustics)
        level = root_mean_square(room[self._is_said(self._utterances)])
        # As loud as speech would be where nobody speaks.
        room *= amplitude(self._acoustics.level_dbfs) / level if level else 1.0
        room += band_limit(self._all_sounds(), self._acoustics)
        for happening in self._timeline.happenings:
            if isinstance(happening.event, NoiseBed):
                self._add_bed(room, happening, happening.event)
        room += own_noise(self._sample_count, self._acoustics, self._rng("microphone"))
        return overdrive(room, self._acoustics)

    def _speech(self) -> NDArray[np.float32]:
        track = np.zeros(self._sample_count, np.float32)
        for visitor in self._timeline.script.visitors:
            own = [span for span in self._utterances if getattr(span.event, "visitor", None) == visitor.id]
            spoken = place_utterances(own, self._clips, duration_us=self._timeline.duration_us, rate_hz=USER_RATE_HZ)
            level = root_mean_square(spoken[self._is_said(own)])
            if level:
                rng = self._rng(f"visitor {visitor.id}")
                gain = amplitude(rng.uniform(-_VISITOR_SPREAD_DB, _VISITOR_SPREAD_DB)) / level
                track += self._in_room(spoken, rng) * np.float32(gain)
        return track

    def _is_said(self, utterances: Sequence[Utterance]) -> NDArray[np.bool_]:
        """Where there are words."""
        mask = np.zeros(self._sample_count, np.bool_)
        for utterance in utterances:
            for word in utterance.words:
                mask[sample_at(word.begin_us, USER_RATE_HZ) : sample_at(word.end_us, USER_RATE_HZ)] = True
        return mask

    def _all_sounds(self) -> NDArray[np.float32]:
        track = np.zeros(self._sample_count, np.float32)
        for happening in self._timeline.happenings:
            if isinstance(happening.event, Sound):
                self._add_sound(track, happening, happening.event)
        return track

    def _add_sound(self, track: NDArray[np.float32], happening: Happening, event: Sound) -> None:
        rng = self._rng(f"sound {event.id}")
        level_db = SOUND_LEVELS_DB[event.sound] + rng.uniform(-3, 3) + self._acoustics.level_dbfs
        dry = np.zeros_like(track)
        begin = sample_at(happening.begin_us, USER_RATE_HZ)
        samples = self._sounds.sound_of(self._timeline.script, event)[: self._sample_count - begin]
        dry[begin : begin + len(samples)] = samples * np.float32(amplitude(level_db))
        track += self._in_room(dry, rng)

    def _add_bed(self, track: NDArray[np.float32], happening: Happening, event: NoiseBed) -> None:
        begin, end = (sample_at(time_us, USER_RATE_HZ) for time_us in (happening.begin_us, happening.end_us))
        end = min(end, self._sample_count)
        rng = self._rng(f"noise {event.id}")
        noise = band_limit(self._sounds.noise(event.noise, end - begin, rng), self._acoustics)
        level = root_mean_square(noise)
        if not level:
            return
        noise *= np.float32(amplitude(self._acoustics.level_dbfs - event.snr_db) / level)
        fade = np.linspace(0, 1, min(sample_at(_BED_FADE_US, USER_RATE_HZ), len(noise)), dtype=np.float32)
        noise[: len(fade)] *= fade
        noise[len(noise) - len(fade) :] *= fade[::-1]
        track[begin:end] += noise

    def _in_room(self, dry: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        response = room_response(self._acoustics, rng)
        if len(response) == 1:
            return dry
        return np.asarray(oaconvolve(dry, response)[: len(dry)], np.float32)

    def _rng(self, purpose: str) -> np.random.Generator:
        """Each part has its own, so that a sound more leaves the rest as it was."""
        return np.random.default_rng([self._seed, zlib.crc32(purpose.encode())])
