"""What ranks exchange, without ranks: nothing is lost, changed or moved on the way."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.engine_ulysses.splits import splits
from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.tokens import TokenSplit

HEAD_SIZE, BATCH = 2, 2


def exchanged(parts: list[torch.Tensor]) -> list[torch.Tensor]:
    """What an all-to-all gives each rank of what all ranks give."""
    return [torch.stack([part[rank] for part in parts]) for rank in range(len(parts))]


@settings(max_examples=60, deadline=None)
@given(splits(), st.integers(0, 2**31))
def test_in_and_back_is_byte_exact(split: tuple[HeadSplit, TokenSplit], seed: int) -> None:
    """Each rank gets its heads of all tokens, with the right key-value heads, and then all heads of its tokens."""
    heads, tokens = split
    generator = torch.Generator().manual_seed(seed)
    count = tokens.replicated_count + tokens.split_count
    q, k, v = (
        torch.randn(BATCH, count, n, HEAD_SIZE, generator=generator)
        for n in (heads.head_count, heads.kv_head_count, heads.kv_head_count)
    )
    ranks, first = range(heads.rank_count), tokens.replicated_count
    packed = [heads.pack(*(tokens.own(x, rank, 1) for x in (q, k, v))) for rank in ranks]
    received = exchanged([each[:, :, first:] for each in packed])
    groups = heads.head_count // heads.kv_head_count
    mixed = []
    for rank in ranks:
        own = torch.cat([packed[rank][rank, :, :first], tokens.join(received[rank].transpose(0, 1), 1)], dim=1)
        q_own, k_own, v_own = heads.unpack(own)
        of_rank = slice(rank * heads.rank_heads, (rank + 1) * heads.rank_heads)
        assert torch.equal(q_own, q[:, :, of_rank])
        assert torch.equal(k_own, k[:, :, heads.kv_slice(rank)])
        assert torch.equal(v_own, v[:, :, heads.kv_slice(rank)])
        # Every query head finds its own key-value head where grouped attention looks for it.
        own_groups = heads.rank_heads // heads.rank_kv_heads
        assert torch.equal(k_own.repeat_interleave(own_groups, 2), k.repeat_interleave(groups, 2)[:, :, of_rank])
        mixed.append(q_own)
    for rank, returned in enumerate(exchanged([tokens.pack(each) for each in mixed])):
        assert torch.equal(returned.permute(1, 2, 0, 3, 4).flatten(2, 3), tokens.own(q, rank, 1))


@given(splits(), st.integers(0, 2))
def test_shares_join_to_the_whole(split: tuple[HeadSplit, TokenSplit], dim: int) -> None:
    """Tokens that were split and joined are the same bytes, on any axis; what fills them up is zero."""
    _, tokens = split
    whole = torch.randn([tokens.split_count if axis == dim else 2 for axis in range(3)])
    shares = tokens.shares(whole, dim)
    assert torch.equal(tokens.join(shares, dim), whole)
    assert (
        shares.flatten(dim, dim + 1)
        .narrow(dim, tokens.split_count, tokens.rank_count * tokens.rank_tokens - tokens.split_count)
        .count_nonzero()
        == 0
    )
