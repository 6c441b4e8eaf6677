"""The backbone over a whole sequence: what the mask forbids has no influence at all."""

import pytest
import torch

from tests.support.tiny import tiny_config
from wan_streamer.model.attention import WholeAttention
from wan_streamer.model.layout import POSITIONS_PER_UNIT, Kind, UnitLayout
from wan_streamer.model.mask import CLEAN, Tokens, may_attend
from wan_streamer.model.presets import untrained

UNITS = 5


def sequence(layout: UnitLayout) -> tuple[Tokens, torch.Tensor]:
    """All tokens of some units, clean, and their positions."""
    kinds, indices = layout.kinds_T().repeat(UNITS), layout.indices_T().repeat(UNITS)
    units = torch.arange(UNITS).repeat_interleave(layout.token_count)
    positions = layout.offsets_T3().repeat(UNITS, 1) + units[:, None] * POSITIONS_PER_UNIT
    return Tokens(units, kinds, indices, torch.full_like(units, CLEAN)), positions


@pytest.mark.parametrize("lag", [0, 1])
def test_later_tokens_never_change_earlier_ones(lag: int) -> None:
    """Changing the agent's latents of unit 3 leaves, bit for bit, everything that must not see them."""
    torch.manual_seed(0)
    config = tiny_config(lag=lag)
    model = untrained(config, 0).double()
    tokens, positions = sequence(model.layout)
    attend = WholeAttention(may_attend(tokens, tokens, lag=lag, history=config.history))
    x = torch.randn(1, len(positions), config.backbone.width, dtype=torch.float64)
    changed = (tokens.unit == 3) & (tokens.kind >= Kind.AGENT_AUDIO)
    y = torch.where(changed[None, :, None], torch.randn_like(x), x)
    rotation, plain = model.rotation(positions), model.no_modulation()
    before, after = (model.transformer(z, rotation, plain, attend)[0] for z in (x, y))

    is_latent = tokens.kind >= Kind.AGENT_AUDIO
    may_change = torch.where(is_latent, tokens.unit >= 3, tokens.unit > 3 + lag)
    same = (before == after).all(1)
    assert same[~may_change].all()
    assert not same[may_change].any()


@pytest.mark.parametrize("kind", [Kind.USER_AUDIO, Kind.AGENT_TEXT])
def test_words_and_user_reach_their_own_unit(kind: Kind) -> None:
    """Changing what was heard or said in unit 3 changes nothing before it and every latent from it on."""
    torch.manual_seed(0)
    config = tiny_config()
    model = untrained(config, 0).double()
    tokens, positions = sequence(model.layout)
    attend = WholeAttention(may_attend(tokens, tokens, lag=0, history=config.history))
    x = torch.randn(1, len(positions), config.backbone.width, dtype=torch.float64)
    y = torch.where(((tokens.unit == 3) & (tokens.kind == kind))[None, :, None], torch.randn_like(x), x)
    rotation, plain = model.rotation(positions), model.no_modulation()
    before, after = (model.transformer(z, rotation, plain, attend)[0] for z in (x, y))
    same = (before == after).all(1)
    assert same[tokens.unit < 3].all()
    assert not same[(tokens.unit >= 3) & (tokens.kind >= Kind.AGENT_AUDIO)].any()
