"""Ranks, heads and tokens as hypothesis draws them."""

from hypothesis import strategies as st

from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.tokens import TokenSplit


@st.composite
def splits(draw: st.DrawFn) -> tuple[HeadSplit, TokenSplit]:
    """Ranks, heads that they can share, and tokens; also fewer tokens than ranks, and none that all have."""
    ranks = draw(st.integers(1, 6))
    kv_heads = draw(st.sampled_from([k for k in range(1, 13) if k % ranks == 0 or ranks % k == 0]))
    per_kv_head = max(1, ranks // kv_heads) * draw(st.integers(1, 3))
    heads = HeadSplit(rank_count=ranks, head_count=kv_heads * per_kv_head, kv_head_count=kv_heads)
    tokens = TokenSplit(
        rank_count=ranks, replicated_count=draw(st.integers(0, 5)), split_count=draw(st.integers(1, 20))
    )
    return heads, tokens
