"""The tokens of one unit: which kinds there are, in which order, and where they stand in time and space.

Order inside a unit: user video, user audio | agent text | agent audio, agent video.
"""

from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate

import torch
from torch import Tensor

from wan_streamer.model.config import ModelConfig
from wan_streamer.unit import FRAMES_PER_UNIT

# Temporal positions of one unit; audio token j and text token j of a unit stand at sub-position j.
POSITIONS_PER_UNIT = FRAMES_PER_UNIT


class Kind(IntEnum):
    """What a token is. The value is its row in the type embedding and its place in the unit."""

    USER_VIDEO = 0
    USER_AUDIO = 1
    AGENT_TEXT = 2
    AGENT_AUDIO = 3
    AGENT_VIDEO = 4


USER_KINDS = (Kind.USER_VIDEO, Kind.USER_AUDIO)
LATENT_KINDS = (Kind.AGENT_AUDIO, Kind.AGENT_VIDEO)


@dataclass(frozen=True)
class UnitLayout:
    """Counts and offsets of a unit's tokens.

    Attributes:
        counts: tokens of each kind, indexed by `Kind`.
        grids: rows and columns of the video kinds; (0, 0) for the others.
    """

    counts: tuple[int, ...]
    grids: tuple[tuple[int, int], ...]

    @staticmethod
    def of(config: ModelConfig) -> "UnitLayout":
        """The layout that a configuration implies."""
        user_grid, agent_grid = user_video_grid(config), config.agent_video.grid
        counts = (
            user_grid[0] * user_grid[1],
            config.user_audio.tokens_per_unit,
            config.max_text_tokens,
            config.agent_audio.tokens_per_unit,
            config.agent_video.tokens_per_unit,
        )
        return UnitLayout(counts, (user_grid, (0, 0), (0, 0), (0, 0), agent_grid))

    @property
    def token_count(self) -> int:
        """Tokens of a whole unit."""
        return sum(self.counts)

    def slice(self, *kinds: Kind) -> slice:
        """Where neighbouring kinds stand in a unit."""
        starts = (0, *accumulate(self.counts))
        return slice(starts[kinds[0]], starts[kinds[-1] + 1])

    def kinds_T(self) -> Tensor:
        """Kind of each token of a unit, int64 [T]."""
        return torch.repeat_interleave(torch.arange(len(self.counts)), torch.tensor(self.counts))

    def indices_T(self) -> Tensor:
        """Index of each token among those of its kind, int64 [T]."""
        return torch.cat([torch.arange(count) for count in self.counts])

    def offsets_T3(self) -> Tensor:
        """Position of each token inside its unit on the axes (time, row, column), int64 [T, 3].

        Words and sounds move along all three axes together, which makes RoPE of a text-only sequence the ordinary one;
        a picture stands at its unit's first position and spreads over rows and columns.
        """
        return torch.cat([self._offsets_of(Kind(kind)) for kind in range(len(self.counts))])

    def _offsets_of(self, kind: Kind) -> Tensor:
        rows, columns = self.grids[kind]
        index = torch.arange(self.counts[kind])
        if rows == 0:
            # Spread the tokens of a kind evenly over the unit's positions.
            step = index * POSITIONS_PER_UNIT // max(self.counts[kind], POSITIONS_PER_UNIT)
            return step[:, None].expand(-1, 3)
        return torch.stack([torch.zeros_like(index), index // columns, index % columns], dim=1)


def user_video_grid(config: ModelConfig) -> tuple[int, int]:
    """Rows and columns of the user's video tokens: the codec's grid halved once more (rounded up)."""
    rows, columns = config.user_video.grid
    return -(-rows // 2), -(-columns // 2)
