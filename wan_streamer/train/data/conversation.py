"""A script with everything that was made from it: sound, movement, and every time known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.agent import Agent, default_agent
from wan_streamer.train.data.curves import Curves
from wan_streamer.train.data.schedule import schedule
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.timeline import Durations, Timeline
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit

USER_RATE_HZ = 16_000
AGENT_RATE_HZ = 24_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Conversation:
    """Both sides of a conversation, whole units long. Pictures follow from the curves (`pictures.py`).

    Attributes:
        durations: of the speech and the sounds; with the script they give the timeline.
        user_audio: what the microphone heard, [samples] at USER_RATE_HZ, -1 to 1.
        agent_audio: what the agent says, [samples] at AGENT_RATE_HZ.
        agent_curves: how the agent moves.
        visitor_curves: how each visitor moves, by id.
        scene_seed: draws light, camera and background of the visitors' picture.
        camera_lag_frames: so many frames the visitors' picture is late behind the sound.
        agent: whose voice and face it is.

    Raises:
        InvalidInput: something is not as long as the timeline.
    """

    script: Script
    durations: Durations
    user_audio: NDArray[np.float32]
    agent_audio: NDArray[np.float32]
    agent_curves: Curves
    visitor_curves: Mapping[str, Curves]
    scene_seed: int
    camera_lag_frames: int = 0
    agent: Agent = field(default_factory=default_agent)

    def __post_init__(self) -> None:
        units = self.unit_count
        wanted = {
            "user audio": (len(self.user_audio), units * samples_per_unit(USER_RATE_HZ)),
            "agent audio": (len(self.agent_audio), units * samples_per_unit(AGENT_RATE_HZ)),
            "agent curves": (self.agent_curves.frame_count, units * FRAMES_PER_UNIT),
            **{
                f"curves of {visitor}": (curves.frame_count, units * FRAMES_PER_UNIT)
                for visitor, curves in self.visitor_curves.items()
            },
        }
        for name, (got, expected) in wanted.items():
            if got != expected:
                raise InvalidInput(
                    f"got {name} of length {got} in {self.script.name}, expected {expected} for {units} units",
                    reason="CONVERSATION",
                )

    @cached_property
    def timeline(self) -> Timeline:
        """The script on its clock, with a label for each unit."""
        return schedule(self.script, self.durations)

    @property
    def unit_count(self) -> int:
        """Length in units of 160 ms."""
        return len(self.timeline.units)
