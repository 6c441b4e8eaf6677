"""Which heads each rank has, and queries, keys and values in the order in which ranks exchange them.

Shape letters: P ranks, B batch, T tokens, H heads, K key-value heads, S head size; h, k heads of one rank.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import BackboneConfig


@dataclass(frozen=True, kw_only=True)
class HeadSplit:
    """Every rank has as many heads as the others, and the key-value heads that these use.

    Where there are fewer key-value heads than ranks, several ranks have the same one.
    """

    rank_count: int
    head_count: int
    kv_head_count: int

    def __post_init__(self) -> None:
        """Raises InvalidInput unless heads can be split evenly."""
        ranks, heads, kv_heads = self.rank_count, self.head_count, self.kv_head_count
        if ranks < 1:
            raise InvalidInput(f"got {ranks} ranks, expected at least 1", reason="RANKS")
        if heads % ranks or (kv_heads % ranks and ranks % kv_heads):
            fitting = [p for p in range(1, heads + 1) if not heads % p and not (kv_heads % p and p % kv_heads)]
            raise InvalidInput(
                f"got {ranks} ranks for {heads} heads over {kv_heads} key-value heads, expected a number of ranks that "
                f"gives each the same; start the group with {' or '.join(map(str, fitting))} ranks, or take a model "
                "with other head counts",
                reason="RANKS",
            )

    @staticmethod
    def of(backbone: BackboneConfig, rank_count: int) -> "HeadSplit":
        """The split of a model's heads.

        Raises:
            InvalidInput: RANKS, so many ranks cannot have the same number of heads.
        """
        return HeadSplit(rank_count=rank_count, head_count=backbone.head_count, kv_head_count=backbone.kv_head_count)

    @property
    def rank_heads(self) -> int:
        """Heads of one rank."""
        return self.head_count // self.rank_count

    @property
    def rank_kv_heads(self) -> int:
        """Key-value heads of one rank."""
        return max(1, self.kv_head_count // self.rank_count)

    @property
    def packed_heads(self) -> int:
        """Heads of queries, keys and values of one rank together."""
        return self.rank_heads + 2 * self.rank_kv_heads

    def kv_slice(self, rank: int) -> slice:
        """Which of the model's key-value heads a rank has."""
        first = rank * self.kv_head_count // self.rank_count
        return slice(first, first + self.rank_kv_heads)

    def pack(self, q_BTHS: Tensor, k_BTKS: Tensor, v_BTKS: Tensor) -> Tensor:
        """What each rank needs of these tokens, in one tensor [P, B, T, h + 2 k, S]."""
        copies = self.rank_count // self.kv_head_count
        if copies > 1:
            k_BTKS, v_BTKS = k_BTKS.repeat_interleave(copies, 2), v_BTKS.repeat_interleave(copies, 2)
        by_rank = [x.unflatten(2, (self.rank_count, -1)).permute(2, 0, 1, 3, 4) for x in (q_BTHS, k_BTKS, v_BTKS)]
        # Joined in the order in which it is sent: one copy.
        return torch.cat(by_rank, dim=3)

    def unpack(self, packed_BTNS: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [B, T, h, S], keys and values [B, T, k, S] of one rank's heads."""
        q, k, v = packed_BTNS.split([self.rank_heads, self.rank_kv_heads, self.rank_kv_heads], dim=2)
        return q, k, v
