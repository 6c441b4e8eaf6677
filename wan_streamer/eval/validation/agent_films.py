"""Films of the agent speaking, whose lips are known because we drew them."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.face_landmarks import Frames
from wan_streamer.eval.sound import Samples
from wan_streamer.eval.validation.spoken import agent_texts
from wan_streamer.train.data.agent import Looks, default_agent
from wan_streamer.train.data.conversation import AGENT_RATE_HZ
from wan_streamer.train.data.curves import Curves
from wan_streamer.train.data.motion.agent import agent_motion
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import AgentTurn, Moment, Script, Visitor, VisitorAction
from wan_streamer.train.data.sound.agent_audio import agent_audio
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.timeline import Durations, Timeline
from wan_streamer.train.data.voices.names import AGENT_VOICE
from wan_streamer.train.data.voices.voice_bank import VoiceBank
from wan_streamer.unit import UNIT_MS

if TYPE_CHECKING:
    from wan_streamer.train.data.face.agent_renderer import AgentRenderer

HEIGHT, WIDTH = 128, 224
LEAST_US, MOST_US = 2_000_000, 7_000_000
VISITOR, WAVE, TURN = "visitor", "wave", "turn"
BEFORE_MS: Final = 2 * UNIT_MS
TAIL_MS: Final = 2 * UNIT_MS


@dataclass(frozen=True, kw_only=True, eq=False)
class AgentFilm:
    """What the agent says and shows, at 25 frames a second.

    Attributes:
        frames: uint8 [frames, height, width, 3].
        samples: mono, as long as the frames.
        curves: what the pictures were drawn from.
    """

    clip: SpokenClip
    frames: Frames
    samples: Samples
    rate_hz: int
    curves: Curves


def open_renderer() -> "AgentRenderer":
    """The agent at the size of training data.

    Raises:
        InvalidInput: no EGL, no exported heads, or the renderer's packages are missing.
    """
    from wan_streamer.train.data.face.heads import default_heads_folder

    try:
        from wan_streamer.train.data.face.agent_renderer import AgentRenderer
    except ImportError as error:
        raise InvalidInput(f"got no renderer ({error}); run make setup-train", reason="RENDERER") from error
    looks = default_agent().looks
    assert isinstance(looks, Looks)
    return AgentRenderer(default_heads_folder(), looks, height=HEIGHT, width=WIDTH)


def speak_agent(cache: DataCache, *, count: int) -> list[SpokenClip]:
    """The first sentences of 2 to 7 s that the agent says, with their phones.

    Raises:
        InvalidInput: there are none, or the voice is missing.
    """
    bank = VoiceBank(cache)
    spoken = (bank.speak(AGENT_VOICE, text) for text in agent_texts(cache))
    return list(itertools.islice((clip for clip in spoken if LEAST_US <= clip.duration_us <= MOST_US), count))


def draw_agent_films(clips: Sequence[SpokenClip], renderer: "AgentRenderer") -> Iterator[AgentFilm]:
    """A film for each clip: a visitor waves, the agent says it; head, eyes and lids move as in all training data."""
    for seed, clip in enumerate(clips):
        timeline = _timeline(clip)
        curves = agent_motion(timeline, {TURN: clip}, seed)
        frames = np.stack([renderer.draw(curves, frame) for frame in range(curves.frame_count)])
        samples = agent_audio(timeline, {TURN: clip})
        yield AgentFilm(clip=clip, frames=frames, samples=samples, rate_hz=AGENT_RATE_HZ, curves=curves)


def _timeline(clip: SpokenClip) -> Timeline:
    script = Script(
        name="judged",
        domain="museum",
        family="wave",
        visitors=(Visitor(id=VISITOR, voice="flite-awb", face="face-000"),),
        events=(
            VisitorAction(id=WAVE, visitor=VISITOR, action="wave", duration_ms=UNIT_MS),
            AgentTurn(
                id=TURN,
                begins=Moment(of=WAVE, offset_ms=BEFORE_MS),
                text=clip.text,
                intent="event.wave",
                answers=WAVE,
            ),
        ),
        tail_ms=TAIL_MS,
    )
    return schedule(script, Durations(speech={TURN: clip.spoken}))
