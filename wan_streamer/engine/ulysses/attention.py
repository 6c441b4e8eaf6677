"""Attention over tokens that are split among ranks: all tokens for some heads in place of all heads for some tokens.

Shape letters: P ranks, B batch, T = A + t tokens of this rank, A + V all tokens, H heads, K key-value heads, S head
size; h, k heads of one rank.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.rank_group import RankGroup
from wan_streamer.engine.ulysses.tokens import TokenSplit
from wan_streamer.model.transformer import Attend


@dataclass(frozen=True, kw_only=True)
class UlyssesAttention:
    """Exchanges, lets `inner` attend with this rank's heads over all tokens, and exchanges back.

    DeepSpeed-Ulysses (arXiv 2309.14509, section 3) with one packed exchange each way. The tokens that all ranks have
    (audio) are not sent in: each rank takes its heads of them; on the way back they travel with the split ones.
    """

    group: RankGroup
    heads: HeadSplit
    tokens: TokenSplit
    inner: Attend

    def __call__(self, layer: int, q_BTHS: Tensor, k_BTKS: Tensor, v_BTKS: Tensor) -> Tensor:
        parts = [x.tensor_split([self.tokens.replicated_count], 1) for x in (q_BTHS, k_BTKS, v_BTKS)]
        replicated, split = (self.heads.pack(*part) for part in zip(*parts, strict=True))
        received = self.group.all_to_all(split)
        replicated = replicated[self.group.rank]
        all_tokens = torch.cat([replicated, self.tokens.join(received.transpose(0, 1), 1)], dim=1)
        mixed = self.inner(layer, *self.heads.unpack(all_tokens))
        returned = self.group.all_to_all(self.tokens.pack(mixed))
        return returned.permute(1, 2, 0, 3, 4).flatten(2, 3)
