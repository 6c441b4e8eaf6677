"""What passes between user, thinker, performer and player, unit by unit; and how stages are stamped."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from torch import Tensor

# Called with a stage's name around its work; telemetry passes its own, the engine knows nothing of it.
Stage = Callable[[str], AbstractContextManager[object]]


def unstamped(_name: str) -> AbstractContextManager[object]:
    """A stage that nobody measures."""
    return nullcontext()


@dataclass(frozen=True, kw_only=True)
class UserInput:
    """One unit of the user.

    Attributes:
        audio: float32 [samples] in -1..1 at the configured rate.
        video: uint8 [frames, height, width, 3], RGB.
    """

    unit_index: int
    audio: np.ndarray
    video: np.ndarray


@dataclass(frozen=True, kw_only=True)
class KvSlice:
    """What the thinker added to history at a unit, for the performer.

    Attributes:
        keys_values: [layers, 2, key-value heads, tokens, head size]: user video, user audio, then agent text.
        text_token_count: how many of the tokens are agent text.
    """

    unit_index: int
    keys_values: Tensor
    text_token_count: int


@dataclass(frozen=True, kw_only=True)
class Latents:
    """Clean latents of a unit: audio [tokens, channels] and video [tokens, channels]."""

    unit_index: int
    audio: Tensor
    video: Tensor


@dataclass(frozen=True, kw_only=True)
class AgentOutput:
    """One unit of the agent.

    Attributes:
        audio: int16 [samples] at the configured rate.
        video: uint8 [frames, height, width, 3], RGB.
        text: words that become complete in this unit.
    """

    unit_index: int
    audio: np.ndarray
    video: np.ndarray
    text: str
