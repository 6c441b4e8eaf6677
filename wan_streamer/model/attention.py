"""Attention over a set of keys and values, the reference path: scaled_dot_product_attention.

Shape letters: B batch, T queries, N keys, H heads, K key-value heads, S head size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


def attend_grouped(q_BTHS: Tensor, k_BKNS: Tensor, v_BKNS: Tensor, mask_TN: Tensor) -> Tensor:
    """Attention of H heads over K key-value heads, [B, T, H, S].

    The queries of the heads that share a key-value head are stacked along the query axis, so that keys and values are
    neither repeated nor copied.

    Args:
        mask_TN: bool [T or 1, N], True where a query sees a key; one row stands for all queries. Also [B, T, N].
    """
    batch, queries, heads, size = q_BTHS.shape
    kv_heads = k_BKNS.shape[1]
    groups = heads // kv_heads
    q = q_BTHS.unflatten(2, (kv_heads, groups)).permute(0, 2, 3, 1, 4).reshape(batch, kv_heads, groups * queries, size)
    mask = mask_TN if mask_TN.shape[-2] == 1 else torch.cat([mask_TN] * groups, dim=-2)
    mask = mask[:, None] if mask.ndim > 2 else mask
    out = F.scaled_dot_product_attention(q, k_BKNS, v_BKNS, attn_mask=mask)
    return out.unflatten(2, (groups, queries)).permute(0, 3, 1, 2, 4).reshape(batch, queries, heads, size)


@dataclass(frozen=True)
class WholeAttention:
    """Every token of the sequence attends to the others as the mask says; nothing is remembered: what
    the cache and the blocks of training are tested against."""

    mask_TT: Tensor  # bool [T, T] or [B, T, T]

    def __call__(self, layer: int, q_BTHS: Tensor, k_BTKS: Tensor, v_BTKS: Tensor) -> Tensor:
        return attend_grouped(q_BTHS, k_BTKS.transpose(1, 2), v_BTKS.transpose(1, 2), self.mask_TT)
