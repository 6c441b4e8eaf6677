"""Audio losses against formulas in plain numpy, and on digital silence."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from wan_streamer.train.audio_losses import (
    AMPLITUDE_FLOOR,
    AudioLossConfig,
    AudioReconstructionLoss,
    LogMelDistance,
    beat_distance,
    kl_to_normal,
    pitch_distance,
    spectrum,
    spectrum_distance,
)

RATE_HZ, FFT_SIZE = 8000, 64


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(-0.5, 0.5, shape))


def plain_spectrum(samples: NDArray[np.float64], size: int) -> NDArray[np.complex128]:
    """[frames, bins] by a loop over frames, written down anew."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    padded = np.concatenate([np.zeros(size // 2), samples, np.zeros(size // 2)])
    starts = range(0, len(padded) - size + 1, size // 4)
    return np.stack([np.fft.rfft(padded[start : start + size] * window) for start in starts]) * 2 / window.sum()


def plain_amplitude(values: NDArray[np.complex128]) -> NDArray[np.float64]:
    return np.sqrt(np.abs(values) ** 2 + AMPLITUDE_FLOOR**2)


def test_spectrum_is_that_of_a_loop() -> None:
    """The spectrum equals numpy's Fourier transform frame by frame, and a full-scale sine has amplitude 1."""
    samples = noise(0, 1, 300)
    ours = spectrum(samples, FFT_SIZE)[0].T.numpy()
    np.testing.assert_allclose(ours, plain_spectrum(samples[0].numpy(), FFT_SIZE), atol=1e-12)
    sine = torch.sin(2 * torch.pi * 1000 * torch.arange(800, dtype=torch.float64) / RATE_HZ)[None]
    assert float(spectrum(sine, FFT_SIZE).abs()[0, :, 20].max()) == pytest.approx(1.0, abs=1e-6)


def test_spectrum_distance() -> None:
    """The distance equals its formula in numpy."""
    one, other = noise(1, 1, 400), noise(2, 1, 400)
    a, b = (plain_spectrum(x[0].numpy(), FFT_SIZE) for x in (one, other))
    ma, mb = plain_amplitude(a), plain_amplitude(b)
    expected = np.abs(np.log(ma) - np.log(mb)).mean() + np.abs(np.sqrt(ma) - np.sqrt(mb)).mean()
    spectra = spectrum(one, FFT_SIZE), spectrum(other, FFT_SIZE)
    assert float(spectrum_distance(*spectra)) == pytest.approx(expected, rel=1e-9)


def test_log_mel_distance() -> None:
    """The log-mel distance equals triangles on the mel scale, drawn bin by bin in numpy."""
    one, other, bands = noise(3, 1, 400), noise(4, 1, 400), 6
    mel = np.linspace(0, 2595 * np.log10(1 + RATE_HZ / 2 / 700), bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    frequencies = np.arange(FFT_SIZE // 2 + 1) * RATE_HZ / FFT_SIZE
    filters = np.stack(
        [np.interp(frequencies, edges[band : band + 3], (0, 1, 0), left=0, right=0) for band in range(bands)], axis=1
    )
    logs = [
        np.log(plain_amplitude(plain_spectrum(x[0].numpy(), FFT_SIZE)) @ filters + AMPLITUDE_FLOOR)
        for x in (one, other)
    ]
    ours = LogMelDistance(RATE_HZ, ((FFT_SIZE, bands),)).double()(one, other)
    assert float(ours) == pytest.approx(np.abs(logs[0] - logs[1]).mean(), rel=1e-5)


def test_kl_is_the_integral() -> None:
    """The KL divergence equals a numerical integral of q log(q / p)."""
    mean, log_variance = 0.7, -0.9
    x = np.linspace(-12, 12, 200_001)
    q = np.exp(-((x - mean) ** 2) / (2 * np.exp(log_variance))) / np.sqrt(2 * np.pi * np.exp(log_variance))
    log_ratio = -((x - mean) ** 2) / (2 * np.exp(log_variance)) - log_variance / 2 + x**2 / 2
    expected = float((q * log_ratio).sum() * (x[1] - x[0]))
    ours = kl_to_normal(torch.tensor([mean], dtype=torch.float64), torch.tensor([log_variance], dtype=torch.float64))
    assert float(ours) == pytest.approx(expected, rel=1e-6)


def voiced(hz: float, count: int = 3200) -> torch.Tensor:
    """A buzz at a pitch, [1, count]."""
    time = torch.arange(count, dtype=torch.float64) / RATE_HZ
    return torch.stack([torch.cos(2 * torch.pi * hz * k * time) / k for k in range(1, 8)]).sum(0)[None] * 0.1


def octaves(hz: float, count: int = 40) -> torch.Tensor:
    return torch.full((1, count), float(np.log2(hz)), dtype=torch.float64)


def test_equal_sounds_lose_nothing() -> None:
    """All parts are zero (the pitch: a few cents) for equal sounds and above zero for others."""
    loss = AudioReconstructionLoss(AudioLossConfig(fft_sizes=(64, 128), mels=((128, 8),)), RATE_HZ, 320).double()
    one, other = voiced(200), noise(6, 1, 3200)
    equal = loss(one, one, octaves(200))
    assert all(float(part) == 0 for name, part in equal.items() if name != "pitch")
    assert float(equal["pitch"]) < 5 * 0.02
    assert all(float(part) > 0.1 for part in loss(other, one, octaves(300)).values())


def test_pitch_distance_counts_voiced_frames_only() -> None:
    """An octave off costs one octave where there is a voice, and nothing in noise."""
    assert float(pitch_distance(octaves(400), voiced(200), RATE_HZ)) == pytest.approx(1.0, abs=0.06)
    assert float(pitch_distance(octaves(400), noise(1, 1, 3200), RATE_HZ)) < 0.06


@pytest.mark.parametrize("made", [0.0, 1e-9, 0.1])
def test_silence_has_finite_gradients(made: float) -> None:
    """On digital silence, on either side, loss and gradients are finite."""
    loss = AudioReconstructionLoss(AudioLossConfig(fft_sizes=(64,), mels=((64, 8),)), RATE_HZ, 320)
    decoded = torch.full((1, 640), made).requires_grad_()
    total = torch.stack(list(loss(decoded, torch.zeros(1, 640), torch.zeros(1, 8)).values())).sum()
    total.backward()
    assert decoded.grad is not None
    assert torch.isfinite(total)
    assert torch.isfinite(decoded.grad).all()


def test_a_batch_is_the_mean_of_its_items() -> None:
    """The loss of a batch is the mean of its halves' losses: data parallel training needs it."""
    loss = AudioReconstructionLoss(AudioLossConfig(fft_sizes=(64, 128), mels=((128, 8),)), RATE_HZ, 320).double()
    one, other = noise(7, 4, 640), torch.cat([noise(8, 3, 640), voiced(200, 640)])
    pitch = torch.full((4, 8), 7.0, dtype=torch.float64)
    halves = slice(0, 2), slice(2, 4)
    whole = loss(one, other, pitch)
    first, second = (loss(one[half], other[half], pitch[half]) for half in halves)
    for name, value in whole.items():
        assert float(value) == pytest.approx((float(first[name]) + float(second[name])) / 2, rel=1e-12)


@pytest.mark.parametrize(("period", "least", "most"), [(320, 0.05, 1.0), (280, 0.0, 0.01)])
def test_only_what_keeps_step_with_the_latents_is_a_beat(period: int, least: float, most: float) -> None:
    """Noise that swells and sinks every 40 ms costs; the same swelling every 35 ms costs next to nothing."""
    steady = noise(9, 1, 320 * 140)
    swelling = 1 + 0.3 * torch.sin(2 * torch.pi * torch.arange(320 * 140) / period)
    assert least < float(beat_distance(steady * swelling, steady, 320)) < most
