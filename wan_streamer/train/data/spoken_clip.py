"""A text as one voice says it, with the times of its words and phones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.timeline import Spoken


@dataclass(frozen=True, kw_only=True)
class Phone:
    """An ARPAbet phone without stress (`SIL` is silence), microseconds from the beginning of its clip."""

    name: str
    begin_us: int
    end_us: int


@dataclass(frozen=True, kw_only=True, eq=False)
class SpokenClip:
    """Speech with all its times, from forced alignment of this very sound.

    Attributes:
        samples: mono, -1 to 1, float32.
        words: begin and end of each of `events.words_of(text)`, microseconds from the clip's beginning, rising.
        phones: without gaps from the clip's beginning to its end.
    """

    voice: str
    text: str
    sample_rate_hz: int
    samples: NDArray[np.float32]
    words: tuple[tuple[int, int], ...]
    phones: tuple[Phone, ...]

    @property
    def duration_us(self) -> int:
        """Length of the sound."""
        return len(self.samples) * 1_000_000 // self.sample_rate_hz

    @property
    def spoken(self) -> Spoken:
        """What `schedule` needs of it."""
        return Spoken(duration_us=self.duration_us, words=self.words)
