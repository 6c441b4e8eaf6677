"""Variants of what is heard: other voices, the same words at the same time."""

import numpy as np
import pytest
import torch

from wan_streamer.model.config import HEARD_LETTERS, EarConfig
from wan_streamer.model.ear import MEL_BANDS, UNIT_SAMPLES
from wan_streamer.model.user_encoder import EarEncoder
from wan_streamer.train.heard_variant import EARLIER_SAMPLES, hear_variant, warped


def an_encoder() -> EarEncoder:
    """Ears of random weights, the first with a comb of mel filters, each 32 frequencies wide."""
    torch.manual_seed(0)
    encoder = EarEncoder(EarConfig(), 16, 40)
    middle = torch.linspace(4, 252, MEL_BANDS)
    encoder.ear.mel.filters.copy_((1 - (torch.arange(257)[:, None] - middle).abs() / 16).clamp(min=0))
    return encoder


def tone(frequency_hz: float) -> torch.Tensor:
    return torch.sin(2 * torch.pi * frequency_hz * torch.arange(4 * UNIT_SAMPLES) / 16_000)[None] * 0.3


@pytest.mark.parametrize("factor", [0.88, 1.14])
def test_a_warped_ear_takes_a_tone_for_another(factor: float) -> None:
    """2,000 Hz sound as `factor` times 2,000 Hz do to the plain ear, and without a warp nothing changes."""
    ear = an_encoder().ear
    plain = ear.mel.filters.clone()
    torch.testing.assert_close(warped(plain, 1.0), plain)
    other = ear.mel(tone(2000 * factor))[0, 20:].mean(0)
    same_ear = ear.mel(tone(2000))[0, 20:].mean(0)
    ear.mel.filters.copy_(warped(plain, factor))
    heard = ear.mel(tone(2000))[0, 20:].mean(0)
    assert (heard - other).abs().mean() < 0.2 * (same_ear - other).abs().mean()


def test_all_frequencies_have_a_place() -> None:
    """Places rise from 0 to the highest frequency whatever the warp is, so that no sound is lost."""
    ramp = torch.arange(257.0)[:, None]
    for factor in (0.88, 1.0, 1.14):
        places = warped(ramp, factor)[:, 0]
        assert places[0] == 0
        assert places[-1] == pytest.approx(256)
        assert bool((places.diff() > 0).all())


def test_a_variant_is_drawn_again_and_leaves_the_ear_as_it_was() -> None:
    """The same seed hears the same, another something else, and the ears' filters are the plain ones after it."""
    encoder, samples = an_encoder(), tone(500)[0]
    mels = (encoder.ear.mel, encoder.whisper.mel)
    plain = [mel.filters.clone() for mel in mels]
    one, again, other = (hear_variant(encoder, samples, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    for heard in (slice(None, HEARD_LETTERS), slice(HEARD_LETTERS, None)):
        assert not torch.equal(one[..., heard], other[..., heard])
    assert all(torch.equal(mel.filters, kept) for mel, kept in zip(mels, plain, strict=True))


def test_a_variant_comes_earlier_by_less_than_a_token() -> None:
    """Sound that begins with unit 2 is never heard before unit 1 is half over, and what is cut off is silence."""
    assert EARLIER_SAMPLES <= UNIT_SAMPLES // 2
    encoder, samples = an_encoder(), torch.zeros(4 * UNIT_SAMPLES)
    samples[2 * UNIT_SAMPLES :] = tone(700)[0, : 2 * UNIT_SAMPLES]
    silent = encoder.sense(torch.zeros(1, 4 * UNIT_SAMPLES))[0]
    for seed in range(5):
        heard = hear_variant(encoder, samples, np.random.default_rng(seed))
        # What spells hears a window of which the sound may be the end.
        one, none = heard[..., HEARD_LETTERS:], silent[..., HEARD_LETTERS:]
        torch.testing.assert_close(one[0], none[0])
        torch.testing.assert_close(one[1, 0], none[1, 0])
        assert not torch.allclose(one[2], none[2])
