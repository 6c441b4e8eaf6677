"""Causal video encoder and decoder: the four frames of a unit <-> one latent frame, from the first unit on.

Shape letters: B batch, U units, F frames of a unit, C channels, N tokens (positions of a latent frame, row by row).
"""

import itertools

import torch
from torch import Tensor, nn

from wan_streamer.model.causal import BorderFilter, CausalUnitMix, ResidualBlock2d
from wan_streamer.model.config import VideoCodecConfig
from wan_streamer.unit import FRAMES_PER_UNIT

RGB = 3
# How much larger motion goes into the encoder, and comes out of the decoder's layers, than it is.
GAIN_IN, GAIN_OUT = 6.0, 2.0
# Pixels that become channels before the first convolution.
PATCH = 4
# Stride at which the decoder takes the frames of a unit apart; the head makes this many pixels square of each position.
FRAME_STRIDE = 8
# What a unit is decoded to: its frames, and the one before it.
DECODED_FRAMES = 1 + FRAMES_PER_UNIT


def time_transform(motion_gain: float) -> Tensor:
    """Discrete cosine transform of a unit's frames [F, F], with what moves so many times as large.

    Motion is a few percent of a picture. Encoder and decoder that both begin by ignoring it learn it late or never:
    each has nothing to gain alone. Scaled up it is there from the first step.
    """
    place = torch.arange(FRAMES_PER_UNIT, dtype=torch.float64)
    transform = torch.cos(torch.pi / FRAMES_PER_UNIT * (place[None] + 0.5) * place[:, None])
    transform *= (2 / FRAMES_PER_UNIT) ** 0.5
    transform[0] = FRAMES_PER_UNIT**-0.5
    transform[1:] *= motion_gain
    return transform.float()


def decoded_frames() -> Tensor:
    """How the parts of a unit make its frames and the one before, [DECODED_FRAMES parts, DECODED_FRAMES].

    The frame before goes on as the first two began, plus the last part, which is its own.
    """
    frames = time_transform(GAIN_OUT)
    before = torch.cat([2 * frames[:, :1] - frames[:, 1:2], frames], dim=1)
    return torch.cat([before, GAIN_OUT * torch.eye(DECODED_FRAMES)[:1]])


class VideoEncoder(nn.Module):
    """Frames [B, U, F, 3, height, width] in -1..1 -> features [B, U, C, rows, columns] of the configured stride."""

    to_motion: Tensor

    def __init__(self, config: VideoCodecConfig) -> None:
        super().__init__()
        widths = config.channels
        self.patch = nn.PixelUnshuffle(PATCH)
        self.register_buffer("to_motion", time_transform(GAIN_IN), persistent=False)
        self.enter = nn.Conv2d(FRAMES_PER_UNIT * RGB * PATCH * PATCH, widths[0], 1)
        self.downs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), *(ResidualBlock2d(b) for _ in range(config.depth)))
            for a, b in itertools.pairwise(widths)
        )
        self.mix = CausalUnitMix(widths[-1], config.grid)

    def forward(self, frames_BUFCHW: Tensor) -> Tensor:
        batch, units = frames_BUFCHW.shape[:2]
        parts = torch.einsum("pf,nfchw->npchw", self.to_motion, frames_BUFCHW.flatten(0, 1))
        x = self.enter(self.patch(parts.flatten(1, 2)))
        for down in self.downs:
            x = down(x)
        return self.mix(x.unflatten(0, (batch, units)))


class VideoDecoder(nn.Module):
    """Latents [B, U, N, C] -> frames [B, U, F, 3, height, width] in -1..1; outside a stream of any width."""

    to_frames: Tensor

    def __init__(self, config: VideoCodecConfig) -> None:
        super().__init__()
        widths = config.channels
        self.rows = config.grid[0]
        self.register_buffer("to_frames", decoded_frames(), persistent=False)
        self.enter = nn.Conv2d(config.latent_channels, widths[-1], 1)
        self.mix = CausalUnitMix(widths[-1], config.grid)
        self.coarse = nn.Sequential(*(ResidualBlock2d(widths[-1]) for _ in range(config.depth)))
        # From the latent stride up to twice FRAME_STRIDE, one picture a unit.
        self.ups = nn.Sequential(
            *(_up(a, b, config.depth) for a, b in zip(widths[:2:-1], widths[-2:1:-1], strict=True))
        )
        fine = widths[1]
        parts = nn.Conv2d(widths[2], DECODED_FRAMES * fine * 4, 1)
        assert parts.bias is not None
        with torch.no_grad():
            # All parts begin equally large in the frames.
            parts.weight[fine * 4 :] /= GAIN_OUT**2
            parts.bias[fine * 4 :] = 0
        self.frames = nn.Sequential(parts, nn.PixelShuffle(2))
        self.fine = nn.Sequential(*(ResidualBlock2d(fine) for _ in range(config.depth)))
        self.head = nn.Sequential(
            nn.Conv2d(fine, RGB * FRAME_STRIDE * FRAME_STRIDE, 3, padding=1), nn.PixelShuffle(FRAME_STRIDE)
        )
        self.border = BorderFilter(RGB, config.height, config.width)

    def forward(self, latents_BUNC: Tensor) -> Tensor:
        batch, units = latents_BUNC.shape[:2]
        x = latents_BUNC.flatten(0, 1).transpose(1, 2).unflatten(2, (self.rows, -1))
        x = self.mix(self.enter(x).unflatten(0, (batch, units))).flatten(0, 1)
        parts = self.frames(self.ups(self.coarse(x))).unflatten(1, (DECODED_FRAMES, -1))
        x = torch.einsum("pf,npchw->nfchw", self.to_frames, parts).flatten(0, 1)
        return self.border(torch.tanh(self.head(self.fine(x))).unflatten(0, (batch, units, DECODED_FRAMES)))


def _up(channels: int, out_channels: int, depth: int) -> nn.Sequential:
    """Doubles rows and columns."""
    blocks = (ResidualBlock2d(out_channels) for _ in range(depth))
    return nn.Sequential(nn.Conv2d(channels, out_channels * 4, 1), nn.PixelShuffle(2), *blocks)


class VideoCodec(nn.Module):
    """The agent's video: encoder with a KL bottleneck, and decoder."""

    def __init__(self, config: VideoCodecConfig) -> None:
        super().__init__()
        self.encoder = VideoEncoder(config)
        self.bottleneck = nn.Conv2d(config.channels[-1], 2 * config.latent_channels, 1)
        self.decoder = VideoDecoder(config)

    def encode(self, frames_BUFCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents, each [B, U, N, C]."""
        features = self.encoder(frames_BUFCHW)
        both = self.bottleneck(features.flatten(0, 1)).flatten(2).transpose(1, 2)
        mean, log_variance = both.unflatten(0, features.shape[:2]).chunk(2, dim=3)
        return mean, log_variance

    def decode(self, latents_BUNC: Tensor) -> Tensor:
        """Frames [B, U, F, 3, height, width] in -1..1."""
        return self.decoder(latents_BUNC)

    def decode_parts(self, latents_BUNC: Tensor) -> tuple[Tensor, ...]:
        """The frames, which are all that training compares."""
        return (self.decode(latents_BUNC),)
