"""The pitch tracker on sounds whose pitch is known."""

import math

import pytest
import torch
from torch import Tensor

from wan_streamer.train.pitch import track_pitch

RATE_HZ, HOP = 16_000, 160
CENTS = 1200


def gliding(hz: float) -> tuple[Tensor, Tensor]:
    """A second of a buzz whose pitch swings by a tenth around `hz`, and the pitch at each frame's end, in octaves."""
    time = torch.arange(RATE_HZ, dtype=torch.float64) / RATE_HZ
    pitch = hz * (1 + 0.1 * torch.sin(2 * math.pi * 3 * time))
    phase = 2 * math.pi * torch.cumsum(pitch / RATE_HZ, 0)
    sound = torch.stack([torch.cos(k * phase) / k for k in range(1, 12)]).sum(0) * 0.1
    return sound[None], torch.log2(pitch[HOP - 1 :: HOP])


@pytest.mark.parametrize("hz", [70, 110, 200, 320, 430])
def test_a_gliding_pitch_is_followed(hz: float) -> None:
    """From the lowest men's to children's voices: half of the frames within 15 cents, all within 60, all voiced."""
    sound, expected = gliding(hz)
    pitch, voiced = track_pitch(sound, RATE_HZ, HOP)
    error = (pitch[0] - expected)[6:-6].abs() * CENTS
    assert pitch.shape == voiced.shape == (1, 100)
    assert float(error.median()) < 15
    assert float(error.max()) < 60
    assert bool(voiced[0, 6:-6].all())


def test_noise_and_silence_have_no_pitch() -> None:
    """Noise, digital silence and a voice below hearing are unvoiced."""
    torch.manual_seed(0)
    for sound in (torch.randn(1, RATE_HZ) * 0.1, torch.zeros(1, RATE_HZ), gliding(200)[0] * 1e-4):
        assert float(track_pitch(sound, RATE_HZ, HOP)[1].float().mean()) < 0.05


def test_each_item_is_tracked_alone() -> None:
    """A batch gives what each item gives."""
    both = torch.cat([gliding(120)[0], gliding(300)[0]])
    together = track_pitch(both, RATE_HZ, HOP)[0]
    for row in range(2):
        torch.testing.assert_close(together[row], track_pitch(both[row : row + 1], RATE_HZ, HOP)[0][0])
