"""Attention of a training sequence in blocks: the same as `WholeAttention` for less arithmetic.

Shape letters: B batch, T tokens, H heads, K key-value heads, S head size.
"""

import torch
from torch import Tensor

from wan_streamer.model.attention import attend_grouped

# Queries of a block: few enough to leave much out, enough for the products to be large.
BLOCK_TOKENS = 256


class BlockedAttention:
    """The queries of a block of units meet only the keys that some of them may see: no future, no forgotten pictures.

    Args:
        mask_BTT: bool, [T, T] or [B, T, T].
        unit_T: unit of each token.
    """

    def __init__(self, mask_BTT: Tensor, unit_T: Tensor) -> None:
        self.blocks = []
        block_T = unit_T // max(1, BLOCK_TOKENS * (int(unit_T.max()) + 1) // len(unit_T))
        for block in block_T.unique():
            queries = (block_T == block).nonzero()[:, 0]
            mask = mask_BTT[..., queries, :]
            keys = mask.flatten(0, -2).any(dim=0).nonzero()[:, 0]
            self.blocks.append((queries, keys, mask[..., keys]))
        self._places = torch.cat([queries for queries, _, _ in self.blocks]).argsort()

    # What a block holds differs from batch to batch: compiled, it would be compiled again and again.
    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch gives it no types
    def __call__(self, layer: int, q_BTHS: Tensor, k_BTKS: Tensor, v_BTKS: Tensor) -> Tensor:
        mixed = [
            attend_grouped(
                q_BTHS.index_select(1, queries),
                k_BTKS.index_select(1, keys).transpose(1, 2),
                v_BTKS.index_select(1, keys).transpose(1, 2),
                mask,
            )
            for queries, keys, mask in self.blocks
        ]
        return torch.cat(mixed, dim=1).index_select(1, self._places)
