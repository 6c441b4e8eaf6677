"""Turns a script into a conversation: voices speak it, a clock places it, a microphone hears it, bodies move to it."""

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.agent import Agent
from wan_streamer.train.data.conversation import Conversation
from wan_streamer.train.data.events import SPEECH, AgentTurn
from wan_streamer.train.data.motion.agent import agent_motion
from wan_streamer.train.data.motion.visitor import visitor_motion
from wan_streamer.train.data.recordings import RecordedVoice
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.sound.acoustics import draw_acoustics
from wan_streamer.train.data.sound.agent_audio import agent_audio
from wan_streamer.train.data.sound.sound_bank import SoundBank
from wan_streamer.train.data.sound.user_audio import user_audio
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.timeline import Durations, Timeline
from wan_streamer.train.data.voices.voice_bank import VoiceBank

# A camera is late by up to so many frames behind the microphone: 120 ms is what webcams do.
MAX_CAMERA_LAG_FRAMES: Final = 3


class ConversationMaker:
    """Makes conversations; the same script gives the same one.

    Args:
        cache: where the fetched voices and sounds are, and where speech is kept.
        agent: who answers.
    """

    def __init__(self, cache: DataCache, agent: Agent) -> None:
        self._agent = agent
        self.voices = VoiceBank(cache)
        self._say = agent_speech(agent, self.voices)
        self._sounds = SoundBank(cache)

    def make(self, script: Script) -> Conversation:
        """One conversation.

        Raises:
            InvalidInput: a voice is not fetched, or the script contradicts itself once its words have lengths.
        """
        seed = seed_of(script.name)
        random = Random(seed)  # noqa: S311  - draws data, no secrets
        clips = self._speak(script)
        durations = self._durations(script, clips)
        timeline = schedule(script, durations)
        return Conversation(
            script=script,
            durations=durations,
            user_audio=user_audio(timeline, clips, self._sounds, draw_acoustics(random), seed),
            agent_audio=agent_audio(timeline, clips),
            agent_curves=agent_motion(timeline, clips, seed),
            visitor_curves={
                visitor.id: visitor_motion(timeline, visitor.id, clips, seed) for visitor in script.visitors
            },
            scene_seed=random.randrange(2**31),
            camera_lag_frames=random.randint(0, MAX_CAMERA_LAG_FRAMES),
            agent=self._agent,
        )

    def hear(self, script: Script) -> tuple[Timeline, NDArray[np.float32]]:
        """The clock of a conversation and what the microphone hears of it, the same as `make` gives, and no more.

        Raises:
            InvalidInput: see `make`.
        """
        seed = seed_of(script.name)
        clips = self._speak(script)
        timeline = schedule(script, self._durations(script, clips))
        acoustics = draw_acoustics(Random(seed))  # noqa: S311  - draws data, no secrets
        return timeline, user_audio(timeline, clips, self._sounds, acoustics, seed)

    def _durations(self, script: Script, clips: Mapping[str, SpokenClip]) -> Durations:
        return Durations(
            speech={name: clip.spoken for name, clip in clips.items()},
            sounds_us=self._sounds.durations_us(script),
        )

    def _speak(self, script: Script) -> Mapping[str, SpokenClip]:
        voices = {visitor.id: visitor.voice for visitor in script.visitors}
        return {
            event.id: self._say(event.text)
            if isinstance(event, AgentTurn)
            else self.voices.speak(voices[event.visitor], event.text)
            for event in script.events
            if isinstance(event, SPEECH)
        }


def agent_speech(agent: Agent, voices: VoiceBank) -> Callable[[str], SpokenClip]:
    """What says a sentence of the agent's.

    Raises:
        InvalidInput: it was recorded, and the recordings are not complete.
    """
    if isinstance(agent.looks, Path):
        return RecordedVoice(agent.looks).speak
    return partial(voices.speak, agent.looks.voice)


def seed_of(name: str) -> int:
    """A seed that follows from a script's name, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big")
