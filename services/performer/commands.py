"""What the service tells the ranks of a group, and what they answer.

Every rank gets every command, in the same order; rank 0 answers `Solve`, all answer `Commit`. Tensors travel as arrays.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from wan_streamer.model.config import ModelConfig


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A rank's first message: what it runs, warm."""

    config: ModelConfig
    fingerprint: str
    dtype: torch.dtype


@dataclass(frozen=True, kw_only=True)
class Reserve:
    """Memory of so many sessions is made, and their passes are recorded."""

    count: int


@dataclass(frozen=True, kw_only=True)
class Open:
    """A session begins; `session` is its number from now on."""

    session: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Append:
    """A slice of the rank's own key-value heads, [layers, 2, key-value heads, tokens, head size]; bfloat16 as bits."""

    session: int
    unit_index: int
    keys_values: np.ndarray
    text_token_count: int


@dataclass(frozen=True, kw_only=True)
class Solve:
    """Answered with `Solved`."""

    session: int
    unit_index: int


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The clean pass over what was solved last; answered with `Committed`."""

    session: int


@dataclass(frozen=True, kw_only=True)
class Close:
    """A session's memory is free."""

    session: int


@dataclass(frozen=True, kw_only=True)
class Solved:
    """Clean latents, float32 [tokens, channels]."""

    audio: np.ndarray
    video: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Committed:
    """The unit is history; when this rank began and ended its solver steps and its clean pass, ns since 1970."""

    solve_unix_ns: tuple[int, int]
    clean_unix_ns: tuple[int, int]


Command: TypeAlias = Reserve | Open | Append | Solve | Commit | Close
Answer: TypeAlias = Solved | Committed
