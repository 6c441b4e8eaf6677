"""Clips of speech that nobody said: phones by hand or by chance, noise where a word is."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from tests.support.scripts import drawn_durations, small_cast, small_domain
from wan_streamer.train.data.events import SPEECH
from wan_streamer.train.data.generate.generator import ScriptGenerator
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.motion.mouth_shapes import PHONE_SHAPES
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import AgentTurn, Moment, Script, UserTurn, Visitor
from wan_streamer.train.data.spoken_clip import Phone, SpokenClip
from wan_streamer.train.data.timeline import Durations, Spoken, Timeline

RATE_HZ = 16000
PHONE_US = 90_000
SPOKEN_PHONES = tuple(name for name in PHONE_SHAPES if name.isalpha() and name != "SIL")
Conversation = tuple[Timeline, Mapping[str, SpokenClip]]


def made_up_clip(text: str, spoken: Spoken, seed: int) -> SpokenClip:
    """Phones of some 90 ms by chance inside words, `SIL` between them."""
    random = np.random.default_rng(seed)
    phones: list[Phone] = []
    samples = np.zeros(spoken.duration_us * RATE_HZ // 1_000_000, np.float32)
    time_us = 0
    for begin_us, end_us in (*spoken.words, (spoken.duration_us, spoken.duration_us)):
        if begin_us > time_us:
            phones.append(Phone(name="SIL", begin_us=time_us, end_us=begin_us))
        edges_us = np.linspace(begin_us, end_us, max(1, (end_us - begin_us) // PHONE_US) + 1).astype(int).tolist()
        phones += [
            Phone(name=str(random.choice(SPOKEN_PHONES)), begin_us=a, end_us=b) for a, b in pairwise(edges_us) if b > a
        ]
        first, last = begin_us * RATE_HZ // 1_000_000, end_us * RATE_HZ // 1_000_000
        samples[first:last] = random.normal(0, 0.1, last - first)
        time_us = end_us
    return SpokenClip(
        voice="tone-1", text=text, sample_rate_hz=RATE_HZ, samples=samples, words=spoken.words, phones=tuple(phones)
    )


def clip_of_phones(text: str, phones: str, phone_us: int) -> SpokenClip:
    """A clip of one word of phones that all last the same."""
    names = phones.split()
    duration_us = len(names) * phone_us
    samples = np.random.default_rng(0).normal(0, 0.1, duration_us * RATE_HZ // 1_000_000).astype(np.float32)
    return SpokenClip(
        voice="tone-1",
        text=text,
        sample_rate_hz=RATE_HZ,
        samples=samples,
        words=((0, duration_us),),
        phones=tuple(
            Phone(name=name, begin_us=i * phone_us, end_us=(i + 1) * phone_us) for i, name in enumerate(names)
        ),
    )


def drawn(count: int, seed: int = 0) -> list[Conversation]:
    """Conversations of the small domain."""
    made = []
    for script in ScriptGenerator(PhraseBook(small_domain()), small_cast()).scripts(seed, count):
        durations = drawn_durations(script, seed)
        clips = {
            event.id: made_up_clip(event.text, durations.speech[event.id], seed + index)
            for index, event in enumerate(script.events)
            if isinstance(event, SPEECH)
        }
        made.append((schedule(script, durations), clips))
    return made


def by_hand(*events: Any, clips: Mapping[str, SpokenClip] | None = None, tail_ms: int = 1000) -> Conversation:
    """A conversation of ann, who is there, and ben, who is not; words last 300 ms, sounds 500 ms."""
    visitors = (
        Visitor(id="ann", voice="tone-1", face="face-1"),
        Visitor(id="ben", voice="tone-2", face="face-2", is_there_at_start=False),
    )
    script = Script(name="by-hand", domain="d", family="f", visitors=visitors, events=events, tail_ms=tail_ms)
    all_clips = {
        event.id: made_up_clip(event.text, _steady(event.text), index)
        for index, event in enumerate(events)
        if isinstance(event, SPEECH)
    } | dict(clips or {})
    sounds_us = {event.id: 500_000 for event in events if not isinstance(event, SPEECH)}
    durations = Durations(speech={name: clip.spoken for name, clip in all_clips.items()}, sounds_us=sounds_us)
    return schedule(script, durations), all_clips


def user(name: str, offset_ms: int = 0, text: str = "one two three four?", **more: Any) -> UserTurn:
    """Ann asks, `offset_ms` after the beginning unless `begins` says otherwise."""
    begins = more.pop("begins", Moment(offset_ms=offset_ms))
    return UserTurn(**{"visitor": "ann", "phrasing": "p", "intent": name} | more, id=name, begins=begins, text=text)


def agent(name: str, answers: str, text: str = "a b c d e f g h", **more: Any) -> AgentTurn:
    """The agent answers 700 ms after the end of what it answers."""
    begins = more.pop("begins", Moment(of=answers, edge="end", offset_ms=700))
    return AgentTurn(id=name, begins=begins, text=text, intent=answers, answers=answers, **more)


def _steady(text: str) -> Spoken:
    count = len(text.split())
    words = tuple((index * 300_000, (index + 1) * 300_000) for index in range(count))
    return Spoken(duration_us=count * 300_000, words=words)
