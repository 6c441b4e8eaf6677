"""Adversarial losses against plain loops, and that the discriminators see what they are for."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from wan_streamer.train.adversarial import Judgement, discriminator_loss, feature_matching_loss, generator_loss
from wan_streamer.train.audio_discriminators import AudioDiscriminatorConfig, AudioDiscriminators
from wan_streamer.train.video_discriminator import VideoDiscriminatorConfig, VideoDiscriminators


def judgements(seed: int) -> list[Judgement]:
    random = np.random.default_rng(seed)
    return [
        Judgement(
            score=torch.from_numpy(random.normal(0, 2, (2, 1, size))),
            features=tuple(torch.from_numpy(random.normal(0, 1, (2, 3, size))) for _ in range(2)),
        )
        for size in (4, 7)
    ]


def test_losses_are_those_of_loops() -> None:
    """Hinge, generator and feature losses equal numpy's, each the mean over discriminators of unequal size."""
    real, made = judgements(0), judgements(1)
    hinge = np.mean([
        np.maximum(0, 1 - a.score.numpy()).mean() + np.maximum(0, 1 + b.score.numpy()).mean()
        for a, b in zip(real, made, strict=True)
    ])  # fmt: skip
    assert float(discriminator_loss(real, made)) == pytest.approx(hinge, rel=1e-5)
    assert float(generator_loss(made)) == pytest.approx(-np.mean([b.score.numpy().mean() for b in made]), rel=1e-5)
    features = np.mean([
        np.abs(x - y).mean() / np.abs(x).mean()
        for a, b in zip(real, made, strict=True)
        for layer in range(2)
        for x, y in zip(a.features[layer].numpy(), b.features[layer].numpy(), strict=True)
    ])  # fmt: skip
    assert float(feature_matching_loss(real, made)) == pytest.approx(features, rel=1e-3)


def test_a_sure_discriminator_has_nothing_to_learn() -> None:
    """Scores beyond the hinge cost nothing and have no gradient."""
    score = torch.full((2, 5), 1.5, requires_grad=True)
    loss = discriminator_loss([Judgement(score, ())], [Judgement(-score, ())])
    loss.backward()
    assert float(loss.detach()) == 0
    assert score.grad is not None
    assert not score.grad.any()


def learns(judges: nn.Module, real: Tensor, made: Tensor) -> float:
    """Loss after some steps; 2 is where it begins."""
    optimizer = torch.optim.Adam(judges.parameters(), 3e-3)
    loss = torch.zeros(())
    for _ in range(300):
        loss = discriminator_loss(judges(real), judges(made))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize(("fft_sizes", "periods"), [((64,), ()), ((), (2, 5))])
def test_sound_discriminators_tell_phase(fft_sizes: tuple[int, ...], periods: tuple[int, ...]) -> None:
    """Pulses and the same amplitudes with shuffled phases are told apart, by each kind alone."""
    torch.manual_seed(0)
    pulses = torch.zeros(4, 800)
    pulses[:, ::40] = 0.8
    spectrum = torch.fft.rfft(pulses)
    shuffled = torch.fft.irfft(spectrum.abs() * torch.exp(2j * torch.pi * torch.rand(spectrum.shape)), 800)
    config = AudioDiscriminatorConfig(fft_sizes=fft_sizes, spectrum_channels=8, periods=periods, period_channels=(8, 8))
    assert learns(AudioDiscriminators(config), pulses, shuffled) < 0.5


def test_video_discriminator_tells_motion() -> None:
    """Units whose frames are in order and the same frames in another order are told apart."""
    torch.manual_seed(0)
    frames = torch.zeros(2, 2, 4, 3, 16, 32)
    for frame in range(4):
        frames[:, :, frame, :, 4:12, 4 + 4 * frame : 8 + 4 * frame] = 1.0
    judges = VideoDiscriminators(VideoDiscriminatorConfig(channels=(8, 8)))
    assert learns(judges, frames, frames[:, :, [2, 0, 3, 1]]) < 0.5
