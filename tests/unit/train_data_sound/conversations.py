"""Small conversations of tones for tests: each word is a tone of 200 ms, with 100 ms of silence before the next."""

from pathlib import Path

import numpy as np

from wan_streamer.train.data.events import SPEECH, words_of
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import AgentTurn, AnyEvent, Moment, Script, UserTurn, Visitor
from wan_streamer.train.data.sound.sound_bank import SoundBank
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.timeline import Durations, Timeline

WORD_US, GAP_US, MARGIN_US = 200_000, 100_000, 30_000
ANN = Visitor(id="ann", voice="tone-1", face="face-1")
BEN = Visitor(id="ben", voice="tone-2", face="face-2")


def clip(text: str, *, rate_hz: int = 22_050, voice: str = "tone-1", height: float = 0.2) -> SpokenClip:
    """As long as its words; begins and ends with 30 ms of silence."""
    count = len(words_of(text))
    begins_us = [MARGIN_US + index * (WORD_US + GAP_US) for index in range(count)]
    words = tuple((begin_us, begin_us + WORD_US) for begin_us in begins_us)
    time_us = np.arange(round((words[-1][1] + MARGIN_US) * rate_hz / 1e6)) * 1e6 / rate_hz
    is_word = np.any([(time_us >= begin_us) & (time_us < end_us) for begin_us, end_us in words], axis=0)
    tone = height * np.sin(2 * np.pi * 440 * time_us / 1e6) * is_word
    samples = tone.astype(np.float32)
    return SpokenClip(voice=voice, text=text, sample_rate_hz=rate_hz, samples=samples, words=words, phones=())


def user(name: str, begins: Moment, text: str = "one two three", visitor: str = "ann") -> UserTurn:
    return UserTurn(id=name, begins=begins, visitor=visitor, text=text, intent="i", phrasing="p")


def agent(name: str, answers: str, text: str = "a b c d e") -> AgentTurn:
    begins = Moment(of=answers, edge="end", offset_ms=400)
    return AgentTurn(id=name, begins=begins, text=text, intent="i", answers=answers)


def converse(*events: AnyEvent, cache: Path, tail_ms: int = 500) -> tuple[Timeline, dict[str, SpokenClip], SoundBank]:
    """A timeline, its clips and the bank of its sounds."""
    script = Script(name="tones", domain="d", family="f", visitors=(ANN, BEN), events=events, tail_ms=tail_ms)
    clips = {
        event.id: clip(event.text, rate_hz=24_000 if isinstance(event, AgentTurn) else 22_050)
        for event in events
        if isinstance(event, SPEECH)
    }
    sounds = SoundBank(DataCache(cache))
    durations = Durations(
        speech={name: clip.spoken for name, clip in clips.items()}, sounds_us=sounds.durations_us(script)
    )
    return schedule(script, durations), clips, sounds
