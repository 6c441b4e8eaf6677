"""Some units of a conversation in arrays, as training takes them.

Shape letters: U units, F frames of a unit, S samples of a unit, C columns of the curves.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.conversation import Conversation
from wan_streamer.train.data.curves import COLUMNS, Curves
from wan_streamer.train.data.timeline import UnitLabel
from wan_streamer.unit import FRAMES_PER_UNIT


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """Units `first_unit` to `first_unit + U` of a conversation; what is in row k of any array is unit k's.

    Attributes:
        user_audio_US, agent_audio_US: float32, -1 to 1, at USER_RATE_HZ and AGENT_RATE_HZ.
        agent_curves_UFC, visitor_curves_UFC: movement, float32; a renderer makes pictures of it.
        labels: what is true in each unit.
    """

    name: str
    first_unit: int
    user_audio_US: NDArray[np.float32]
    agent_audio_US: NDArray[np.float32]
    agent_curves_UFC: NDArray[np.float32]
    visitor_curves_UFC: Mapping[str, NDArray[np.float32]]
    labels: tuple[UnitLabel, ...]

    @property
    def unit_count(self) -> int:
        """How many units."""
        return len(self.labels)


def cut_window(conversation: Conversation, first_unit: int, unit_count: int) -> Window:
    """The units of a window; it must lie inside the conversation."""
    total = conversation.unit_count
    assert 0 <= first_unit <= first_unit + unit_count <= total
    units = slice(first_unit, first_unit + unit_count)
    return Window(
        name=conversation.script.name,
        first_unit=first_unit,
        user_audio_US=conversation.user_audio.reshape(total, -1)[units],
        agent_audio_US=conversation.agent_audio.reshape(total, -1)[units],
        agent_curves_UFC=_by_unit(conversation.agent_curves)[units],
        visitor_curves_UFC={name: _by_unit(curves)[units] for name, curves in conversation.visitor_curves.items()},
        labels=conversation.timeline.units[units],
    )


def _by_unit(curves: Curves) -> NDArray[np.float32]:
    return curves.values_FC.reshape(-1, FRAMES_PER_UNIT, len(COLUMNS))
