"""The presets: token counts of the papers, and that every one of them can be built."""

import pytest
import torch

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import BackboneConfig, VideoCodecConfig
from wan_streamer.model.layout import Kind, UnitLayout
from wan_streamer.model.presets import PRESETS, nano, preset, untrained, v0_1, v0_2
from wan_streamer.model.wan_streamer import WanStreamer


def test_video_tokens_of_a_unit() -> None:
    """192x336 has 252 video tokens a unit, 640x368 has 920, nano 28."""
    counts = [UnitLayout.of(config()).counts[Kind.AGENT_VIDEO] for config in (v0_1, v0_2, nano)]
    assert counts == [252, 920, 28]


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_built_without_memory(name: str) -> None:
    """Every preset is built on the meta device: the configuration is consistent."""
    with torch.device("meta"):
        model = WanStreamer(preset(name))
    assert all(parameter.is_meta for parameter in model.parameters())


def test_equal_seeds_are_equal_functions() -> None:
    """The fingerprint tells weights apart, and building a model leaves the caller's random state alone."""
    torch.manual_seed(1)
    expected = torch.randn(3)
    torch.manual_seed(1)
    prints = [untrained(nano(), seed).fingerprint() for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]
    assert torch.equal(torch.randn(3), expected)


def test_offsets_spread_in_time_and_space() -> None:
    """Sound moves along time, pictures over rows and columns, and nobody leaves the unit's four positions in time."""
    layout = UnitLayout.of(nano())
    offsets = layout.offsets_T3()
    assert offsets[layout.slice(Kind.AGENT_AUDIO)].tolist() == [[j, j, j] for j in range(4)]
    assert offsets[layout.slice(Kind.AGENT_VIDEO)].tolist() == [[0, r, c] for r in range(4) for c in range(7)]
    assert offsets[:, 0].max() < 4


def test_bad_sizes_are_refused_in_words() -> None:
    """Each inconsistent size says what it got and what was expected."""
    with pytest.raises(InvalidInput, match="got preset 'huge', expected one of nano"):
        preset("huge")
    with pytest.raises(ValueError, match="got 5 heads and 2 key-value heads, expected a multiple"):
        BackboneConfig(
            width=8, layer_count=1, head_count=5, kv_head_count=2, head_size=8, mlp_width=8, vocabulary_size=9,
            rope_axis_pairs=(2, 1, 1),
        )  # fmt: skip
    with pytest.raises(ValueError, match="expected a stride that divides both"):
        VideoCodecConfig(height=100, width=64, stride=16, channels=(8, 8, 8), depth=1, latent_channels=4)
