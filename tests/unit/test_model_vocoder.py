"""The source-filter head: its parts against their definitions, its sound against what it was told."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.model.vocoder import (
    NOISE_FRAMES,
    Noise,
    RunningPhase,
    SourceFilterHead,
    cosine_sum,
    fade,
    minimum_phase,
)
from wan_streamer.train.pitch import track_pitch

RATE_HZ, HOP = 16_000, 160


def told(head: SourceFilterHead, *, hz: float, pulses: float, noise: float) -> None:
    """Makes a head that says one pitch and flat gains whatever its features are."""
    low, high = math.log2(50.0), math.log2(500.0)
    share = (math.log2(hz) - low) / (high - low)
    for layer in (head.pitch, head.gains):
        nn.init.zeros_(layer.weight)
    bins = head.taps // 2 + 1
    with torch.no_grad():
        head.pitch.bias.fill_(math.log(share / (1 - share)))
        head.gains.bias[:bins] = pulses + 4.0
        head.gains.bias[bins:] = noise + 4.0


def test_minimum_phase_has_the_gains_and_the_least_delay() -> None:
    """The filter's gains are those asked for, and no filter with these gains has more of its energy earlier."""
    torch.manual_seed(0)
    log_gains = torch.randn(65, dtype=torch.float64).cumsum(0) * 0.1
    taps = minimum_phase(log_gains)
    torch.testing.assert_close(torch.fft.rfft(taps).abs().log(), log_gains, atol=1e-3, rtol=0)
    zero_phase = torch.fft.irfft(log_gains.exp(), 128)
    shifted = torch.roll(zero_phase, 64)
    assert bool((taps.square().cumsum(0) >= shifted.square().cumsum(0) - 1e-9).all())


def test_cosine_sum_is_the_sum() -> None:
    """The closed form equals the sum term by term, at a pulse's peak too."""
    phase = torch.cat([torch.rand(50, dtype=torch.float64), torch.tensor([0.0, 1.0, 1e-9], dtype=torch.float64)])
    count = torch.tensor(13.0, dtype=torch.float64)
    expected = torch.stack([torch.cos(2 * math.pi * k * phase) for k in range(1, 14)]).sum(0)
    torch.testing.assert_close(cosine_sum(phase, count), expected, atol=1e-8, rtol=0)


def test_the_voice_has_the_pitch_that_it_is_told() -> None:
    """A head that says 180 Hz and pulses sounds at 180 Hz within 10 cents, without a step between frames."""
    head = SourceFilterHead(4, RATE_HZ, HOP).eval()
    told(head, hz=180, pulses=-3.0, noise=-13.0)
    with torch.no_grad():
        samples, said = head(torch.randn(1, 100, 4))
    pitch, voiced = track_pitch(samples, RATE_HZ, HOP)
    assert bool(voiced[0, 5:-5].all())
    assert float((pitch - math.log2(180))[0, 5:-5].abs().median()) * 1200 < 10
    torch.testing.assert_close(said, torch.full_like(said, math.log2(180)))
    level = samples[0].unfold(0, HOP, HOP).square().mean(1).sqrt()[5:]
    # A frame of 10 ms holds one pulse or two.
    assert float(level.max() / level.min()) < math.sqrt(2)


def test_gains_set_the_level() -> None:
    """Pulses and noise have unit power before the filter: a gain of exp(-3) gives that level, both and each."""
    for pulses, noise, level in ((-3.0, -13.0, 1.0), (-13.0, -3.0, 1.0), (-3.0, -3.0, math.sqrt(2))):
        head = SourceFilterHead(4, RATE_HZ, HOP).eval()
        told(head, hz=120, pulses=pulses, noise=noise)
        with torch.no_grad():
            samples = head(torch.randn(1, 200, 4))[0][0, 2 * HOP :]
        assert float(samples.square().mean().sqrt()) == pytest.approx(level * math.exp(-3), rel=0.1)


def test_a_long_stream_does_not_drift() -> None:
    """After a minute, in float32, a stream's phase is still that of one exact sum."""
    phase = RunningPhase()
    cycles = torch.rand(1, 6000) * 3
    with streaming(Stream(((phase, phase.fresh_state(1, torch.float32, torch.device("cpu"))),))):
        pieces = torch.cat([phase(cycles[:, k : k + 16]) for k in range(0, 6000, 16)], 1)
    steps = np.rint(cycles[0].double().numpy() * 2**20).astype(np.int64)
    exact = (np.concatenate([[0], np.cumsum(steps)[:-1]]) % 2**20) / 2**20
    assert np.array_equal(pieces[0].numpy(), exact.astype(np.float32))


def test_noise_goes_on_and_comes_round() -> None:
    """A stream hears the same noise as one long call, also past the table's end."""
    noise = Noise(HOP)
    like = torch.zeros(1, NOISE_FRAMES + 8)
    whole = noise(like)
    with streaming(Stream(((noise, noise.fresh_state(1, torch.float32, torch.device("cpu"))),))):
        pieces = torch.cat([noise(like[:, k : k + 4]) for k in range(0, NOISE_FRAMES + 8, 4)], 1)
    assert torch.equal(whole, pieces)
    assert torch.equal(whole[:, NOISE_FRAMES:], whole[:, :8])


@pytest.mark.parametrize("alike", [0.0, 0.5, 1.0])
def test_a_fade_keeps_the_power(alike: float) -> None:
    """Between sounds of equal power, alike or not, the power stays in the middle; ends are the sounds themselves."""
    generator = torch.Generator().manual_seed(0)
    before, other = torch.randn(2, 4000, 160, generator=generator, dtype=torch.float64)
    now = alike * before + (1 - alike**2) ** 0.5 * other
    faded = fade(before, now)
    power = faded.square().mean(0)
    assert float((power - 1).abs().max()) < 0.1
    torch.testing.assert_close(faded[:, -1], now[:, -1])
    plain = before + (now - before) * torch.arange(1, 161) / 160
    assert float(plain.square().mean(0)[79]) == pytest.approx((1 + alike) / 2, abs=0.05)


def test_opposite_sounds_fade_through_silence() -> None:
    """A sound and its own negative cancel in the middle; nothing is blown up."""
    sound = torch.randn(1, 160, generator=torch.Generator().manual_seed(1))
    assert float(fade(sound, -sound).abs().max()) <= 1.5 * float(sound.abs().max())
    assert float(fade(torch.zeros(1, 160), torch.zeros(1, 160)).abs().max()) == 0
