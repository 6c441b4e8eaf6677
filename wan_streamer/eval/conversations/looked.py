"""What is seen of the agent in a talk's film."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.lip_offset import LipOffset

Curve = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SeenLips:
    """Lips and sound of an utterance; `offset` is None when too few frames show lips that move."""

    begin_us: int
    end_us: int
    offset: LipOffset | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Looked:
    """The agent's face in a talk.

    Attributes:
        pitch: of its head, rad, down is positive, [frames]; NaN where no face is seen.
        lips: of each utterance that is long enough.
    """

    pitch: Curve
    lips: tuple[SeenLips, ...]
