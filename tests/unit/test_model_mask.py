"""The attention rule against an oracle that spells out the table, pair by pair."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_streamer.model.config import HistoryConfig
from wan_streamer.model.layout import Kind
from wan_streamer.model.mask import CLEAN, EMPTY, Tokens, may_attend

HISTORY = HistoryConfig(
    sink_units=1, user_video_units=2, user_audio_units=3, agent_text_units=6, agent_audio_units=4, agent_video_units=1
)
WINDOWS = {
    Kind.USER_VIDEO: 2,
    Kind.USER_AUDIO: 3,
    Kind.AGENT_TEXT: 6,
    Kind.AGENT_AUDIO: 4,
    Kind.AGENT_VIDEO: 1,
}
USER, LATENT = (Kind.USER_VIDEO, Kind.USER_AUDIO), (Kind.AGENT_AUDIO, Kind.AGENT_VIDEO)

Token = tuple[int, Kind, int, int]  # unit, kind, index, level


def oracle(query: Token, key: Token, lag: int) -> bool:
    """The table of docs/architecture.md, cell by cell, in plain Python."""
    (q_unit, q_kind, q_index, q_level), (k_unit, k_kind, k_index, k_level) = query, key
    if k_unit == EMPTY:
        return False
    if k_unit >= HISTORY.sink_units and q_unit - k_unit > WINDOWS[k_kind]:
        return False
    if k_kind in USER:
        return k_unit <= q_unit
    if k_kind is Kind.AGENT_TEXT:
        if q_kind in USER:
            return k_unit < q_unit
        if q_kind is Kind.AGENT_TEXT:
            return k_unit < q_unit or (k_unit == q_unit and k_index <= q_index)
        return k_unit <= q_unit
    if q_kind in LATENT:
        return (k_unit < q_unit and k_level == CLEAN) or (k_unit == q_unit and k_level == q_level)
    return k_unit < q_unit - lag and k_level == CLEAN


def tokens_of(tokens: list[Token]) -> Tokens:
    return Tokens(*torch.tensor([[unit, int(kind), index, level] for unit, kind, index, level in tokens]).unbind(1))


token = st.tuples(st.integers(0, 9), st.sampled_from(Kind), st.integers(0, 3), st.integers(0, 2)).map(
    # Only latents have noisy copies.
    lambda t: t if t[1] in LATENT else (t[0], t[1], t[2], CLEAN)
)
key_token = st.one_of(token, token.map(lambda t: (EMPTY, t[1], t[2], CLEAN)))


@pytest.mark.parametrize("lag", [0, 1])
@settings(deadline=None, max_examples=150)
@given(queries=st.lists(token, min_size=1, max_size=8), keys=st.lists(key_token, min_size=1, max_size=12))
def test_rule_equals_the_oracle(lag: int, queries: list[Token], keys: list[Token]) -> None:
    """For any tokens of any units, the rule allows exactly what the table allows."""
    allowed = may_attend(tokens_of(queries), tokens_of(keys), lag=lag, history=HISTORY)
    assert allowed.tolist() == [[oracle(query, key, lag) for key in keys] for query in queries]


@pytest.mark.parametrize("lag", [0, 1])
def test_every_token_sees_itself(lag: int) -> None:
    """No query is left without a key, so no softmax is empty."""
    tokens = tokens_of([(5, kind, 0, CLEAN) for kind in Kind])
    assert may_attend(tokens, tokens, lag=lag, history=HISTORY).diagonal().all()
