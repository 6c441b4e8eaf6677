"""The agent's side of a conversation."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.conversation import AGENT_RATE_HZ
from wan_streamer.train.data.sound.placing import place_utterances
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.timeline import Timeline


def agent_audio(timeline: Timeline, clips: Mapping[str, SpokenClip]) -> NDArray[np.float32]:
    """What the agent says: mono at 24 kHz, as long as the timeline, silent where it does not speak.

    Args:
        clips: by the ids of the agent's turns; others are passed over.

    Raises:
        InvalidInput: see `place_utterances`.
    """
    return place_utterances(
        timeline.agent_turns(), clips, duration_us=timeline.duration_us, rate_hz=AGENT_RATE_HZ
    ).clip(-1, 1)
