"""All validations, each judge after the other; what cannot run is listed with the reason."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.activity import ActivityJudge
from wan_streamer.eval.face_identity import FaceIdentityJudge
from wan_streamer.eval.judge import Judge, Unavailable
from wan_streamer.eval.lips import LipJudge, TalkingFilm
from wan_streamer.eval.picture_distance import PictureDistanceJudge
from wan_streamer.eval.quality import QualityJudge
from wan_streamer.eval.speaker import SpeakerJudge
from wan_streamer.eval.validation import films as on_films
from wan_streamer.eval.validation import pictures as on_pictures
from wan_streamer.eval.validation import speech as on_speech
from wan_streamer.eval.validation.agent_films import AgentFilm, draw_agent_films, open_renderer, speak_agent
from wan_streamer.eval.validation.finding import Finding
from wan_streamer.eval.validation.people import agent_pictures, visitor_pictures
from wan_streamer.eval.validation.spoken import KnownSpeech, actors, agent_speech
from wan_streamer.eval.webrtc_activity import WebrtcActivityJudge
from wan_streamer.eval.words import WordJudge
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.cache import DataCache

CLIP_COUNT: Final = 40
FILM_COUNT: Final = 30
ACTOR_CLIPS, ACTOR_LEAST_S, AGENT_CLIPS = 4, 4.0, 12

Validation = Callable[[], Sequence[Finding]]


def validate_all(cache: DataCache, console: Console) -> list[Finding]:
    """Every validation, with what is going on shown on the console; some minutes."""
    findings: list[Finding] = []
    for judges, validation in (*_on_speech(cache), (_film_judges(cache), lambda: _on_films(cache))):
        names = ", ".join(judge.name for judge in judges)
        with console.status(f"validating {names}"):
            findings += _run(judges, validation)
    return findings


def show_findings(findings: Sequence[Finding], console: Console) -> None:
    """A table: judge, question, value, limit, pass or fail."""
    table = Table("judge", "question", "value", "limit", "cases", "state", "besides")
    for found in findings:
        value = "" if found.value is None else f"{found.value:.3f}"
        limit = f"{found.bound} {found.limit:g}"
        table.add_row(found.judge, found.question, value, limit, str(found.case_count), found.state, found.note)
    console.print(table)


def write_findings(findings: Sequence[Finding], path: Path) -> None:
    """As JSON."""
    replace_file(path, (json.dumps([found.as_json() for found in findings], indent=1) + "\n").encode())


def _run(judges: Sequence[Judge], validation: Validation) -> Sequence[Finding]:
    for judge in judges:
        found = judge.availability()
        if isinstance(found, Unavailable):
            return [_unavailable(one, found.reason) for one in judges]
    try:
        return validation()
    except InvalidInput as error:
        # Clips, voices or the renderer that a validation needs are no part of its judge.
        return [_unavailable(judge, str(error)) for judge in judges]


def _unavailable(judge: Judge, reason: str) -> Finding:
    return Finding(judge=judge.name, question="", bound="at least", limit=0.0, value=None, note=reason)


def _on_speech(cache: DataCache) -> Iterator[tuple[Sequence[Judge], Validation]]:
    words, quality, activity = WordJudge(cache), QualityJudge(cache), ActivityJudge(cache)
    webrtc, speaker = WebrtcActivityJudge(), SpeakerJudge(cache)
    yield (words,), lambda: [on_speech.validate_words(words, _agent(cache, CLIP_COUNT))]
    yield (quality,), lambda: [on_speech.validate_quality(quality, _agent(cache, CLIP_COUNT // 2))]
    yield (activity,), lambda: [on_speech.validate_activity(activity, _agent(cache, CLIP_COUNT))]
    yield (webrtc,), lambda: [on_speech.validate_second_activity(webrtc, _agent(cache, CLIP_COUNT))]
    yield (speaker,), lambda: [on_speech.validate_speakers(speaker, _voices(cache))]


def _agent(cache: DataCache, count: int) -> list[KnownSpeech]:
    return list(itertools.islice(agent_speech(cache), count))


def _voices(cache: DataCache) -> list[KnownSpeech]:
    agent = (clip for clip in agent_speech(cache) if clip.seconds >= ACTOR_LEAST_S)
    return [
        *itertools.islice(agent, AGENT_CLIPS),
        *actors(cache, clips_each=ACTOR_CLIPS, least_s=ACTOR_LEAST_S),
    ]


def _film_judges(cache: DataCache) -> tuple[LipJudge, FaceIdentityJudge, PictureDistanceJudge]:
    return LipJudge(cache), FaceIdentityJudge(cache), PictureDistanceJudge(cache)


def _on_films(cache: DataCache) -> Sequence[Finding]:
    lips, identity, distance = _film_judges(cache)
    films = _films(cache)
    talking = [TalkingFilm(frames=film.frames, samples=film.samples, rate_hz=film.rate_hz) for film in films]
    verdicts = lips.judge(talking)
    mine, others = agent_pictures(films), visitor_pictures(films)
    return [
        on_films.validate_lip_offsets(lips, talking, verdicts, "films of the agent"),
        on_films.validate_lip_match(lips, talking, verdicts),
        on_films.validate_lip_gap(lips, films, verdicts),
        on_films.validate_head(films, verdicts),
        on_films.validate_blinks(films, verdicts),
        on_pictures.validate_identity(identity, [mine, *others]),
        on_pictures.validate_picture_distance(distance, [*mine, *(some[0] for some in others)]),
    ]


def _films(cache: DataCache) -> list[AgentFilm]:
    renderer = open_renderer()
    try:
        return list(draw_agent_films(speak_agent(cache, count=FILM_COUNT), renderer))
    finally:
        renderer.close()
