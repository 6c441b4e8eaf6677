"""The colours of the preview, one meaning each (red, green, blue)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from wan_streamer.train.data.timeline import AgentDoes

Colour = tuple[int, int, int]

BACKGROUND: Final[Colour] = (18, 20, 26)
EMPTY: Final[Colour] = (38, 41, 50)
TEXT: Final[Colour] = (205, 208, 216)
DIM_TEXT: Final[Colour] = (132, 137, 150)
SAID_WORD: Final[Colour] = (255, 214, 70)
NOW: Final[Colour] = (255, 255, 255)
PROGRESS: Final[Colour] = (120, 128, 150)

AGENT_DOES: Final[Mapping[AgentDoes, Colour]] = MappingProxyType(
    {"idle": (70, 74, 86), "listen": (52, 120, 214), "speak": (44, 170, 92), "yield": (240, 140, 40)}
)
USER_SPEAKS: Final[Colour] = (34, 178, 190)
SIDE_TALK: Final[Colour] = (146, 98, 200)
BACKCHANNEL: Final[Colour] = (190, 214, 92)
INTERRUPTION: Final[Colour] = (232, 52, 60)
EVENT: Final[Colour] = (226, 110, 170)
SOUND: Final[Colour] = (204, 164, 96)
NOISE: Final[Colour] = (92, 86, 78)
ABSENT: Final[Colour] = (26, 28, 34)
