"""RoPE against complex numbers, and what the rest relies on."""

import dataclasses

import torch

from tests.support.tiny import tiny_config
from wan_streamer.model.rope import frequencies, pair_axes, rotation, turn

BACKBONE = dataclasses.replace(tiny_config().backbone, head_size=16, rope_axis_pairs=(4, 2, 2))


def rotate(x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    return turn(x, rotation(positions, frequencies(BACKBONE), pair_axes(BACKBONE), torch.float64))


def test_turn_equals_complex_multiplication() -> None:
    """Each pair turns as a complex number by position times frequency of its axis."""
    torch.manual_seed(0)
    x, positions = torch.randn(5, 3, 16, dtype=torch.float64), torch.randint(0, 1000, (5, 3))
    z = torch.complex(x[..., :8], x[..., 8:])
    angles = positions[:, pair_axes(BACKBONE)] * 1_000_000.0 ** (-torch.arange(8, dtype=torch.float64) / 8)
    turned = z * torch.exp(1j * angles)[:, None]
    torch.testing.assert_close(rotate(x, positions), torch.cat([turned.real, turned.imag], -1))


def test_scores_depend_on_differences_only() -> None:
    """Shifting query and key by a day of conversation leaves their product."""
    torch.manual_seed(0)
    q, k = torch.randn(2, 1, 1, 16, dtype=torch.float64)
    near, far = torch.tensor([[7, 2, 1]]), torch.tensor([[3, 0, 4]])
    day = 2_160_000
    here = (rotate(q, near) * rotate(k, far)).sum()
    later = (rotate(q, near + day) * rotate(k, far + day)).sum()
    torch.testing.assert_close(here, later, atol=1e-8, rtol=0)


def test_turns_compose() -> None:
    """Turning a turned key on equals turning it once by the sum: the cache relies on it for the sink."""
    torch.manual_seed(0)
    k, a, b = torch.randn(1, 2, 16, dtype=torch.float64), torch.tensor([[3, 1, 2]]), torch.tensor([[40, 40, 40]])
    torch.testing.assert_close(rotate(rotate(k, a), b), rotate(k, a + b))


def test_every_axis_has_its_share_of_pairs() -> None:
    """The axes get as many pairs as configured, and time has both the fastest and a slow one."""
    axes = pair_axes(BACKBONE)
    assert torch.bincount(axes).tolist() == [4, 2, 2]
    assert axes[0] == 0
    assert 0 in axes[-3:]
