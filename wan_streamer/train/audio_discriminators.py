"""Small discriminators of sound: complex spectra at several resolutions, and the samples folded at several periods.

Sources: multi-resolution complex spectrogram discriminator of Mimi and EnCodec (arXiv 2210.13438, section 3.4),
multi-period discriminator of HiFi-GAN (arXiv 2010.05646, section 2.3), both narrowed.
Shape letters: B batch, T samples, F bins, N frames.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from wan_streamer.train.adversarial import Judgement
from wan_streamer.train.audio_losses import HOPS_PER_WINDOW

SLOPE = 0.1
# A full-scale sine gives a spectrum of about 1 per bin at this scale: the convolutions see numbers of ordinary size.
PERIOD_KERNEL, PERIOD_STRIDE = 5, 3


@dataclass(frozen=True, kw_only=True)
class AudioDiscriminatorConfig:
    """Sizes; the cost of a step of training is mostly here."""

    fft_sizes: tuple[int, ...] = (256, 512)
    spectrum_channels: int = 16
    periods: tuple[int, ...] = (2, 3, 5, 7)
    # Channels of the folded convolutions, one after the other.
    period_channels: tuple[int, ...] = (8, 16, 32, 32)


class SpectrumDiscriminator(nn.Module):
    """Looks at real and imaginary parts of one resolution; samples [B, T] -> judgement."""

    window: Tensor

    def __init__(self, fft_size: int, channels: int) -> None:
        super().__init__()
        self.fft_size = fft_size
        self.register_buffer("window", torch.hann_window(fft_size), persistent=False)
        # Halving the bins from the first layer on: most of a step's time would go there.
        halving, plain = ((3, 9), (1, 2)), ((3, 3), (1, 1))
        layers = [(2, *halving), (channels, *halving), (channels, *halving), (channels, *plain)]
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(a, channels, kernel, stride, padding=(kernel[0] // 2, kernel[1] // 2)))
            for a, kernel, stride in layers
        )
        self.out = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, samples_BT: Tensor) -> Judgement:
        size = self.fft_size
        spectrum_BFN = torch.stft(
            samples_BT, size, size // HOPS_PER_WINDOW, window=self.window, center=False, return_complex=True
        )
        x = torch.view_as_real(spectrum_BFN / self.window.square().sum().sqrt()).permute(0, 3, 2, 1)
        return _judge(x, self.convs, self.out)


class PeriodDiscriminator(nn.Module):
    """Looks at every `period`-th sample; samples [B, T] -> judgement."""

    def __init__(self, period: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.period = period
        kernel, stride, padding = (PERIOD_KERNEL, 1), (PERIOD_STRIDE, 1), (PERIOD_KERNEL // 2, 0)
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, kernel, stride, padding))
            for a, b in zip((1, *channels), channels, strict=False)
        )
        self.out = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, samples_BT: Tensor) -> Judgement:
        rest = -samples_BT.shape[1] % self.period
        x = F.pad(samples_BT, (0, rest)).unflatten(1, (-1, self.period))[:, None]
        return _judge(x, self.convs, self.out)


def _judge(x: Tensor, convs: nn.ModuleList, out: nn.Module) -> Judgement:
    features = []
    for conv in convs:
        x = F.leaky_relu(conv(x), SLOPE)
        features.append(x)
    return Judgement(score=out(x), features=tuple(features))


class AudioDiscriminators(nn.Module):
    """All of them; samples [B, T] -> one judgement each."""

    def __init__(self, config: AudioDiscriminatorConfig) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            [SpectrumDiscriminator(size, config.spectrum_channels) for size in config.fft_sizes]
            + [PeriodDiscriminator(period, config.period_channels) for period in config.periods]
        )

    def forward(self, samples_BT: Tensor) -> list[Judgement]:
        return [judge(samples_BT) for judge in self.judges]
