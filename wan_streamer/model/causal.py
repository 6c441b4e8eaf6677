"""Causal layers that the codecs and the user encoders are made of.

Shape letters: B batch, C channels, T time steps, U units, F features.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.model.config import MEL_FRAME_MS
from wan_streamer.model.streaming import CausalLayer, PastState

MEL_WINDOW_MS = 32
# Added to mel energies before the logarithm: digital silence becomes a finite floor.
MEL_FLOOR = 1e-5


class CausalConv1d(CausalLayer):
    """Convolution over time that sees only the present and the past; [B, C, T] -> [B, C', T / stride]."""

    def __init__(
        self, channels: int, out_channels: int, kernel: int, *, stride: int = 1, groups: int = 1, dilation: int = 1
    ) -> None:
        super().__init__((channels, (kernel - 1) * dilation + 1 - stride), time_axis=2)
        self.conv = nn.Conv1d(channels, out_channels, kernel, stride=stride, groups=groups, dilation=dilation)

    def forward(self, x_BCT: Tensor) -> Tensor:
        stride = self.conv.stride[0]
        if x_BCT.shape[2] % stride:
            raise ValueError(f"got {x_BCT.shape[2]} time steps, expected a multiple of the stride {stride}")
        return self.conv(self.with_past(x_BCT))


class ConvNextBlock1d(nn.Module):
    """ConvNeXt block over time (arXiv 2201.03545; in vocoders: Vocos, arXiv 2306.00814); [B, C, T] -> [B, C, T]."""

    def __init__(self, channels: int, *, kernel: int = 7, expansion: int = 3) -> None:
        super().__init__()
        self.depthwise = CausalConv1d(channels, channels, kernel, groups=channels)
        self.norm = nn.RMSNorm(channels, eps=1e-6)
        self.up = nn.Linear(channels, expansion * channels)
        self.down = nn.Linear(expansion * channels, channels)

    def forward(self, x_BCT: Tensor) -> Tensor:
        h = self.norm(self.depthwise(x_BCT).transpose(1, 2))
        return x_BCT + self.down(F.gelu(self.up(h))).transpose(1, 2)


class LogMel(CausalLayer):
    """Log-mel energies from a window that ends with the newest sample; samples [B, T] -> [B, bands, T / hop]."""

    window: Tensor
    filters: Tensor

    def __init__(self, sample_rate_hz: int, bands: int) -> None:
        self.hop = sample_rate_hz * MEL_FRAME_MS // 1000
        size = sample_rate_hz * MEL_WINDOW_MS // 1000
        super().__init__((size - self.hop,), time_axis=1)
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        self.register_buffer("filters", mel_filters(sample_rate_hz, size, bands), persistent=False)

    def forward(self, samples_BT: Tensor) -> Tensor:
        frames = self.with_past(samples_BT).unfold(1, self.window.shape[0], self.hop)
        power = torch.fft.rfft(frames * self.window).abs().square()
        return torch.log(power @ self.filters + MEL_FLOOR).transpose(1, 2)


def mel_filters(sample_rate_hz: int, fft_size: int, bands: int) -> Tensor:
    """Triangular filters on the HTK mel scale, [fft_size / 2 + 1, bands]."""
    frequencies = torch.linspace(0, sample_rate_hz / 2, fft_size // 2 + 1)
    top_mel = 2595 * math.log10(1 + sample_rate_hz / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top_mel, bands + 2) / 2595) - 1)
    rising = (frequencies[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies[:, None]) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)


class ChannelNorm(nn.Module):
    """RMSNorm over the channels of each pixel, [B, C, rows, columns]; positions do not mix, so it is causal."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-6) * self.gain


class ResidualBlock2d(nn.Module):
    """Two convolutions over one picture, [B, C, rows, columns]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.conv1(F.silu(self.norm(x)))))


class CausalPictureLayer(CausalLayer):
    """A causal layer over units [B, U, C, rows, columns]; outside a stream of any rows and columns."""

    def state_for(self, x: Tensor) -> PastState:
        """Of the stream; outside one, nothing before pictures of whatever size."""
        return self._entered[-1] if self._entered else PastState(x.new_zeros(len(x), self.past_shape[0], *x.shape[2:]))


class CausalUnitMix(CausalPictureLayer):
    """Mixes each position of a latent frame with itself in the last units; [B, U, C, rows, columns] -> the same."""

    def __init__(self, channels: int, grid: tuple[int, int], *, kernel: int = 3) -> None:
        super().__init__((kernel - 1, channels, *grid), time_axis=1)
        self.kernel = kernel
        self.mix = nn.Conv2d(kernel * channels, channels, 1)

    def forward(self, x_BUCHW: Tensor) -> Tensor:
        batch, units = x_BUCHW.shape[:2]
        joined = self.with_past(x_BUCHW)
        stacked = torch.cat([joined[:, lag : lag + units] for lag in range(self.kernel)], dim=2)
        return x_BUCHW + self.mix(F.silu(stacked.flatten(0, 1))).unflatten(0, (batch, units))


class BorderFilter(CausalPictureLayer):
    """Spreads what a unit begins with wrongly over its frames; [B, U, 1 + F, C, height, width] -> [B, U, F, ...].

    Each unit is decoded from a latent of its own and is wrong in a way of its own, so a still picture would jump at
    every border, 6.25 times a second. A unit therefore comes with the frame before it, too, as the unit would have it.
    What that frame differs from the one shown is taken back by 3/4 in the first frame, 2/4 in the second, and so on:
    every step from frame to frame gets a quarter of the jump. It is a deblocking filter in time, without lookahead.
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        # One channel more says where there is a unit before: before a stream begins it is 0 like the rest.
        super().__init__((1, channels + 1, height, width), time_axis=1)

    def forward(self, before_and_frames_BUFCHW: Tensor) -> Tensor:
        before, frames = before_and_frames_BUFCHW[:, :, 0], before_and_frames_BUFCHW[:, :, 1:]
        last = frames[:, :, -1]
        shown = self.with_past(torch.cat([last, torch.ones_like(last[:, :, :1])], dim=2))[:, :-1]
        jump = (before - shown[:, :, :-1]) * shown[:, :, -1:]
        count = frames.shape[2]
        shares = 1 - torch.arange(1, count + 1, dtype=jump.dtype, device=jump.device) / count
        return frames - shares[:, None, None, None] * jump[:, :, None]
