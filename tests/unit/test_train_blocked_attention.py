"""Attention in blocks: the same numbers and gradients as over the whole sequence at once."""

import pytest
import torch
from torch import Tensor

from wan_streamer.model.attention import WholeAttention
from wan_streamer.train.blocked_attention import BLOCK_TOKENS, BlockedAttention


def drawn(unit_count: int, tokens_per_unit: int) -> tuple[Tensor, Tensor, Tensor]:
    """A causal mask with a window of three units, what two windows of a batch have of it, and the tokens' units."""
    random = torch.Generator().manual_seed(unit_count)
    unit = torch.arange(unit_count * tokens_per_unit)[torch.randperm(unit_count * tokens_per_unit, generator=random)]
    unit = unit // tokens_per_unit
    since = unit[:, None] - unit[None, :]
    visible = (since >= 0) & (since < 3)
    present = torch.rand(2, 1, len(unit), generator=random) > 0.3
    return visible, visible & (present | torch.eye(len(unit), dtype=torch.bool)), unit


@pytest.mark.parametrize(("unit_count", "tokens_per_unit"), [(3, 5), (40, 20), (6, 300)])
def test_blocks_equal_the_whole(unit_count: int, tokens_per_unit: int) -> None:
    """Mixed values and gradients to 1e-12 in float64: one block, several of many units, and units larger than one."""
    _, mask, unit = drawn(unit_count, tokens_per_unit)
    random = torch.Generator().manual_seed(1)
    found = []
    for attention in (WholeAttention(mask), BlockedAttention(mask, unit)):
        random.manual_seed(1)
        q, k, v = (
            torch.randn(2, len(unit), heads, 8, generator=random, dtype=torch.float64).requires_grad_()
            for heads in (4, 2, 2)
        )
        mixed = attention(0, q, k, v)
        mixed.square().sum().backward()
        found.append([mixed, q.grad, k.grad, v.grad])
    for whole, blocked in zip(*found, strict=True):
        torch.testing.assert_close(blocked, whole, rtol=0, atol=1e-12)


def test_a_block_meets_only_what_it_may_see() -> None:
    """With a window of three units no block of four units has keys of more than six."""
    visible, _, unit = drawn(40, BLOCK_TOKENS // 4)
    blocks = BlockedAttention(visible, unit).blocks
    assert len(blocks) == 10
    assert max(len(keys) for _, keys, _ in blocks) == 6 * BLOCK_TOKENS // 4
