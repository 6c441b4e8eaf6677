"""Attention across ranks against others' implementations: torch's, and another Ulysses (yunchang)."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from tests.support.ranks import on_ranks
from tests.unit.engine_ulysses.splits import splits
from wan_streamer.engine.ulysses.attention import UlyssesAttention
from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.rank_group import RankGroup
from wan_streamer.engine.ulysses.tokens import TokenSplit
from wan_streamer.model.attention import WholeAttention

BATCH, HEAD_SIZE = 2, 4
TOLERANCE = 1e-12


class Problem:
    """Random queries, keys and values of all tokens, and what the loss weighs the result with."""

    def __init__(self, heads: HeadSplit, tokens: TokenSplit, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.heads, self.tokens = heads, tokens
        count = tokens.replicated_count + tokens.split_count
        self.qkv, self.weights = [], torch.empty(0)
        for head_count in (heads.head_count, heads.kv_head_count, heads.kv_head_count, heads.head_count):
            self.qkv.append(torch.randn(BATCH, count, head_count, HEAD_SIZE, generator=generator, dtype=torch.float64))
        self.weights = self.qkv.pop()
        self.mask = torch.rand(count, count, generator=generator) > 0.4
        self.mask |= torch.eye(count, dtype=torch.bool)

    def torch_s(self, *, is_masked: bool) -> tuple[Tensor, ...]:
        """Result and gradients with torch's own grouped attention over all tokens."""
        q, k, v = (x.clone().requires_grad_(True) for x in self.qkv)
        mixed = F.scaled_dot_product_attention(
            *(x.transpose(1, 2) for x in (q, k, v)), attn_mask=self.mask if is_masked else None, enable_gqa=True
        ).transpose(1, 2)
        return mixed.detach(), *torch.autograd.grad((mixed * self.weights).sum(), (q, k, v))

    def ours(self, group: RankGroup) -> tuple[Tensor, ...]:
        """A rank's part of result and gradients."""
        attend = UlyssesAttention(group=group, heads=self.heads, tokens=self.tokens, inner=WholeAttention(self.mask))
        q, k, v = (self.tokens.own(x, group.rank, 1).requires_grad_(True) for x in self.qkv)
        mixed = attend(0, q, k, v)
        weights = self.tokens.own(self.weights, group.rank, 1)
        # What all ranks have is counted once.
        weights[:, : self.tokens.replicated_count] /= group.rank_count
        return mixed.detach(), *torch.autograd.grad((mixed * weights).sum(), (q, k, v))

    def joined(self, parts: list[Tensor], *, is_gradient: bool) -> Tensor:
        """All tokens of what ranks have; gradients of replicated tokens add up."""
        first = self.tokens.replicated_count
        replicated = parts[0][:, :first]
        if is_gradient:
            replicated = torch.stack([part[:, :first] for part in parts]).sum(0)
        split = self.tokens.join(torch.stack([part[:, first:] for part in parts], dim=1), 1)
        return torch.cat([replicated, split], dim=1)


def torch_attention(q: Tensor, k: Tensor, v: Tensor, **_: Any) -> Tensor:
    """torch's own, [B, T, H, S]."""
    return F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v))).transpose(1, 2)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(splits(), st.integers(0, 2**31))
def test_attention_of_ranks_is_torch_s_own(split: tuple[HeadSplit, TokenSplit], seed: int) -> None:
    """Results and gradients equal torch's attention over the gathered tokens, for any ranks, heads and tokens."""
    problem = Problem(*split, seed)
    ranks = on_ranks(split[0].rank_count, problem.ours)
    for part, expected in enumerate(problem.torch_s(is_masked=True)):
        got = problem.joined([rank[part] for rank in ranks], is_gradient=part > 0)
        assert (got - expected).abs().max() <= TOLERANCE


@pytest.mark.parametrize("rank_count", [2, 4])
def test_attention_of_ranks_is_that_of_another_ulysses(rank_count: int) -> None:
    """Results and gradients equal yunchang's (long-context-attention), which exchanges one tensor at a time."""
    yunchang = pytest.importorskip("yunchang", reason="the other implementation is a development dependency")
    kernels = pytest.importorskip("yunchang.kernels")
    heads = HeadSplit(rank_count=rank_count, head_count=8, kv_head_count=4)
    # It knows no padding, no mask and no tokens that all ranks have.
    tokens = TokenSplit(rank_count=rank_count, replicated_count=0, split_count=6 * rank_count)
    problem = Problem(heads, tokens, seed=1)
    problem.mask = torch.ones_like(problem.mask)

    def theirs(group: RankGroup) -> tuple[Any, ...]:
        attention = yunchang.UlyssesAttention(group.process_group, attn_type=kernels.AttnType.TORCH_MATH)
        # Its own attention of this type goes around a ring of all processes besides.
        attention.attn_fn = torch_attention
        q, k, v = (tokens.own(x, group.rank, 1).requires_grad_(True) for x in problem.qkv)
        mixed = attention(q, *(x.repeat_interleave(2, 2) for x in (k, v)))
        loss = (mixed * tokens.own(problem.weights, group.rank, 1)).sum()
        return mixed.detach(), *torch.autograd.grad(loss, (q, k, v))

    for ours, others in zip(on_ranks(rank_count, problem.ours), on_ranks(rank_count, theirs), strict=True):
        for got, expected in zip(ours, others, strict=True):
            assert (got - expected).abs().max() <= TOLERANCE
