"""An agent that was recorded: a film of each sentence that it says, and one in which it listens.

A folder holds NAME.mp4 and NAME.txt, what is said in it word for word, for each; and idle.mp4 (or another kind that
FFmpeg reads). In all of them the camera stays where it is, and the films of sentences begin and end at rest.
"""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.media.files import read_media
from wan_streamer.media.formats import UnitFormat
from wan_streamer.train.data.conversation import AGENT_RATE_HZ
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.timeline import Timeline, Utterance
from wan_streamer.train.data.voices.aligner import Aligner
from wan_streamer.train.data.voices.engine import Sound
from wan_streamer.train.data.voices.timing import time_speech
from wan_streamer.train.data.voices.voice_bank import open_aligner
from wan_streamer.train.media_units import file_units
from wan_streamer.unit import FRAME_US, FRAMES_PER_SECOND

IDLE: Final = "idle"
SUFFIXES: Final = (".mp4", ".mov", ".mkv", ".webm")
# How long the film of a sentence and the idle one are mixed, before the first and after the last word.
BLEND_US: Final = 160_000
LEAST_IDLE_S: Final = 5
# A film of ten seconds takes 22 MB at nano's size.
KEPT_FILMS: Final = 8
KEPT_AGENTS: Final = 2
# What films are opened at to see whether they can be.
_SMALL: Final = (2, 2)

Picture = NDArray[np.uint8]


def find_recordings(folder: Path) -> dict[str, Path]:
    """The film of each sentence, by its words.

    Raises:
        InvalidInput: RECORDINGS, there are none, one lacks its film or its text, two say the same, or idle is missing.
    """
    if not folder.is_dir():
        raise InvalidInput(f"got no folder {folder}, expected recordings in it; check the path", reason="RECORDINGS")
    _film_of(folder / IDLE)
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.txt")):
        try:
            key = words_key(path.read_text("utf-8"))
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"got {path} that is not UTF-8, expected UTF-8; save it so", reason="RECORDINGS"
            ) from error
        if key in found:
            raise InvalidInput(
                f"got {path.name} and {found[key].with_suffix('.txt').name} with the same words, expected each once",
                reason="RECORDINGS",
            )
        found[key] = _film_of(path.with_suffix(""))
    if not found:
        raise InvalidInput(
            f"got no NAME.txt in {folder}, expected one beside each film with what is said in it", reason="RECORDINGS"
        )
    return found


def check_films(folder: Path) -> None:
    """Opens every film.

    Raises:
        InvalidInput: see `find_recordings`; or one cannot be read, or lacks its sound or pictures, or idle is short.
    """
    for path in find_recordings(folder).values():
        _sound(path)
        _pictures(path, *_SMALL)
    RecordedAgent(folder, height=_SMALL[0], width=_SMALL[1])


@lru_cache(KEPT_AGENTS)
def recorded_agent(folder: Path, height: int, width: int) -> "RecordedAgent":
    """One for each process: its films are decoded and its words found once."""
    return RecordedAgent(folder, height=height, width=width)


def words_key(text: str) -> str:
    """What two spellings of the same words have in common."""
    letters = "".join(sign if sign.isalnum() or sign == "'" else " " for sign in text.lower())
    return " ".join(letters.split())


class RecordedVoice:
    """Says what was recorded.

    Raises:
        InvalidInput: see `find_recordings`.
    """

    def __init__(self, folder: Path) -> None:
        self._films, self._folder = find_recordings(folder), folder
        self._known: dict[str, tuple[SpokenClip, int]] = {}

    def speak(self, text: str) -> SpokenClip:
        """A sentence, trimmed, with the times of its words.

        Raises:
            InvalidInput: RECORDINGS, it was not recorded; or the film cannot be read, is silent, or says something
                else.
        """
        return self._spoken(text)[0]

    def film_of(self, text: str) -> tuple[Path, int]:
        """Where the film of a sentence lies, and when in it the clip of `speak` begins, microseconds."""
        begin_us = self._spoken(text)[1]
        return self._films[words_key(text)], begin_us

    @cached_property
    def _aligner(self) -> Aligner:
        return open_aligner()

    def _spoken(self, text: str) -> tuple[SpokenClip, int]:
        if text not in self._known:
            path = self._films.get(words_key(text))
            if path is None:
                raise InvalidInput(
                    f"got no recording of {text!r} in {self._folder}, expected one; record it, or take it out of the "
                    "texts",
                    reason="RECORDINGS",
                )
            sound = Sound(samples=_sound(path), sample_rate_hz=AGENT_RATE_HZ)
            clip, _, begin_us = time_speech(sound, path.name, text, self._aligner)
            self._known[text] = clip, begin_us
        return self._known[text]


class RecordedAgent:
    """The agent's pictures in a conversation: the sentences' films over the idle one.

    Raises:
        InvalidInput: see `find_recordings`; or the idle film is too short.
    """

    def __init__(self, folder: Path, *, height: int, width: int) -> None:
        self._voice = RecordedVoice(folder)
        self._frames = lru_cache(KEPT_FILMS)(lambda path: _pictures(path, height, width))
        self._idle = _pictures(_film_of(folder / IDLE), height, width)
        if len(self._idle) < LEAST_IDLE_S * FRAMES_PER_SECOND:
            raise InvalidInput(
                f"got {len(self._idle) / FRAMES_PER_SECOND:.1f} s of {IDLE} in {folder}, expected {LEAST_IDLE_S} s or "
                "more of listening; record it again",
                reason="RECORDINGS",
            )

    def draw(self, timeline: Timeline, frame: int) -> Picture:
        """One frame [height, width, 3]."""
        at_us = frame * FRAME_US
        # To and fro: where one way ends the other begins.
        turn = len(self._idle) - 1
        idle = self._idle[turn - abs(turn - frame % (2 * turn))]
        for utterance in timeline.agent_turns():
            share = min(1 - (utterance.begin_us - at_us) / BLEND_US, 1 - (at_us - utterance.end_us) / BLEND_US, 1.0)
            if share > 0:
                mixed = share * self._said(utterance, at_us).astype(np.float32) + (1 - share) * idle
                return np.rint(mixed).astype(np.uint8)
        return idle

    def _said(self, utterance: Utterance, at_us: int) -> Picture:
        path, begin_us = self._voice.film_of(utterance.event.text)
        film = self._frames(path)
        # Where the clip was taken apart, what lies between two pieces stands still; after the last the film goes on.
        piece = next((one for one in reversed(utterance.pieces) if one.at_us <= at_us), utterance.pieces[0])
        inside_us = at_us - piece.at_us
        if piece is not utterance.pieces[-1]:
            inside_us = min(inside_us, piece.clip_end_us - piece.clip_begin_us)
        index = (begin_us + piece.clip_begin_us + inside_us) // FRAME_US
        picture: Picture = film[min(max(index, 0), len(film) - 1)]
        return picture


def _film_of(stem: Path) -> Path:
    for suffix in SUFFIXES:
        if (path := stem.with_name(stem.name + suffix)).is_file():
            return path
    raise InvalidInput(
        f"got no film {stem}.mp4, expected one ({', '.join(SUFFIXES)}); docs/your-own-avatar.md says what to record",
        reason="RECORDINGS",
    )


def _sound(path: Path) -> NDArray[np.float32]:
    media = read_media(path)
    if media.audio_format is None:
        raise InvalidInput(f"got {path} without sound, expected a sentence; record it again", reason="RECORDINGS")
    target = UnitFormat(audio_sample_rate_hz=AGENT_RATE_HZ, video_width=2, video_height=2)
    return np.concatenate([unit.audio for unit in file_units(media, target)])


def _pictures(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    media = read_media(path)
    if media.video_format is None:
        raise InvalidInput(f"got {path} without pictures, expected a film; record it again", reason="RECORDINGS")
    target = UnitFormat(audio_sample_rate_hz=AGENT_RATE_HZ, video_width=width, video_height=height)
    return np.concatenate([unit.video for unit in file_units(media, target)])
