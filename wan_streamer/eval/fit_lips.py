"""Fits the openness heard in speech to lips that are known, from films of the agent: makes `openness.npz` anew."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.progress import track

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.face_landmarks import FaceLandmarkJudge
from wan_streamer.eval.face_measures import measure_face
from wan_streamer.eval.openness import WEIGHTS, fit_openness
from wan_streamer.eval.validation.agent_films import LEAST_US, MOST_US, AgentFilm, draw_agent_films, open_renderer
from wan_streamer.eval.validation.spoken import agent_texts
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.voices.names import AGENT_VOICE, USER_VOICES
from wan_streamer.train.data.voices.voice_bank import VoiceBank

CLIP_COUNT: Final = 160
# Every third clip is another voice's; formant synthesis hardly has lips (its alignment is the least sure).
OTHERS_EVERY: Final = 3
NOT_ENGINE: Final = "espeak"
# Validation takes the sentences before these.
FIRST_SENTENCE: Final = 400


def fit_lips(cache: DataCache, console: Console, path: Path = WEIGHTS) -> None:
    """Speaks, draws, measures, fits and writes the weights; some minutes.

    Raises:
        InvalidInput: a voice, the renderer or MediaPipe is missing.
    """
    renderer = open_renderer()
    clips = list(itertools.islice(_clips(cache), CLIP_COUNT))
    if len(clips) < CLIP_COUNT:
        raise InvalidInput(
            f"got {len(clips)} sentences, expected {CLIP_COUNT}; run wan-streamer data voice", reason="CLIPS"
        )
    films: list[AgentFilm] = list(
        track(draw_agent_films(clips, renderer), total=CLIP_COUNT, description="drawing", console=console)
    )
    landmarks = FaceLandmarkJudge(cache).landmarks([film.frames for film in films])
    gaps = [measure_face(points).lip_gap for points in landmarks]
    model = fit_openness((film.samples, film.rate_hz, gap) for film, gap in zip(films, gaps, strict=True))
    model.save(path)
    console.print(f"{path}: fitted to {len(films)} clips", highlight=False, soft_wrap=True)


def _clips(cache: DataCache) -> Iterator[SpokenClip]:
    bank, random = VoiceBank(cache), np.random.default_rng(0)
    others = [voice for voice in USER_VOICES if not voice.startswith(NOT_ENGINE)]
    for index, text in enumerate(agent_texts(cache, skip=FIRST_SENTENCE)):
        voice = AGENT_VOICE if index % OTHERS_EVERY else str(random.choice(others))
        clip = bank.speak(voice, text)
        if LEAST_US <= clip.duration_us <= MOST_US:
            yield clip
