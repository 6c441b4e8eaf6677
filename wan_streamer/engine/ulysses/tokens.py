"""How the tokens of a pass are shared among ranks: the first ones all ranks have, the others are split.

Shape letters: P ranks, B batch, A tokens that all ranks have, V tokens that are split, t of them on one rank,
h heads of one rank, H heads, S head size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, kw_only=True)
class TokenSplit:
    """Ranks have V / P of the split tokens each, rounded up: the last ones are filled with zeros."""

    rank_count: int
    replicated_count: int
    split_count: int

    @property
    def rank_tokens(self) -> int:
        """Split tokens of one rank, with padding."""
        return -(-self.split_count // self.rank_count)

    def shares(self, whole: Tensor, dim: int) -> Tensor:
        """The split tokens [.., V, ..] by rank, [.., P, t, ..]."""
        missing = self.rank_count * self.rank_tokens - self.split_count
        after = whole.ndim - 1 - dim % whole.ndim
        padded = F.pad(whole, (*(0, 0) * after, 0, missing)) if missing else whole
        return padded.unflatten(dim, (self.rank_count, self.rank_tokens))

    def join(self, shares: Tensor, dim: int) -> Tensor:
        """The reverse of `shares`: [.., P, t, ..] to [.., V, ..]."""
        return shares.flatten(dim, dim + 1).narrow(dim, 0, self.split_count)

    def own(self, whole: Tensor, rank: int, dim: int) -> Tensor:
        """What a rank has of tokens [.., A + V, ..]: [.., A + t, ..]."""
        replicated, split = whole.split([self.replicated_count, self.split_count], dim)
        return torch.cat([replicated, self.shares(split, dim).select(dim, rank)], dim)

    def pack(self, mixed_BTHS: Tensor) -> Tensor:
        """What each rank needs of all tokens [B, A + V, h, S], in one tensor [P, B, A + t, h, S]."""
        replicated, split = mixed_BTHS.split([self.replicated_count, self.split_count], 1)
        shares = self.shares(split, 1).transpose(0, 1)
        return torch.cat([replicated.expand(self.rank_count, *replicated.shape), shares], dim=2)
