"""Causal audio encoder and decoder: samples <-> latents, without any lookahead.

Shape letters: B batch, T samples, N tokens (latents), C channels.
"""

import torch
from torch import Tensor, nn

from wan_streamer.model.causal import CausalConv1d, ConvNextBlock1d, LogMel
from wan_streamer.model.config import AudioCodecConfig
from wan_streamer.model.vocoder import SourceFilterHead

# Frames that a filter over the raw samples sees: 30 ms hold three periods of a low voice.
WAVE_FRAMES = 3


class AudioEncoder(nn.Module):
    """Samples [B, T] in -1..1 -> features [B, N, out_width], `tokens_per_unit` for each unit."""

    def __init__(self, config: AudioCodecConfig, out_width: int) -> None:
        super().__init__()
        step = config.frames_per_token
        hop, waves = config.hop_samples, config.wave_channels
        self.mel = LogMel(config.sample_rate_hz, config.mel_bands)
        self.wave = CausalConv1d(1, waves, WAVE_FRAMES * hop, stride=hop) if waves else None
        self.fine = nn.Sequential(
            CausalConv1d(config.mel_bands + waves, config.fine_width, 5), ConvNextBlock1d(config.fine_width)
        )
        self.reduce = CausalConv1d(config.fine_width, config.width, 2 * step, stride=step)
        self.coarse = nn.Sequential(*(ConvNextBlock1d(config.width) for _ in range(config.depth)))
        self.out = nn.Linear(config.width, out_width)

    def forward(self, samples_BT: Tensor) -> Tensor:
        heard = self.mel(samples_BT)
        if self.wave is not None:
            heard = torch.cat([heard, self.wave(samples_BT[:, None])], dim=1)
        features = self.coarse(self.reduce(self.fine(heard)))
        return self.out(features.transpose(1, 2))


class AudioDecoder(nn.Module):
    """Latents [B, N, C] -> samples [B, T] in -1..1.

    A source-filter head makes the samples of one mel frame at a time; nothing waits for the next frame. It is made for
    one voice at a time: of two, it follows one.
    """

    def __init__(self, config: AudioCodecConfig) -> None:
        super().__init__()
        self.frames_per_token = config.frames_per_token
        self.enter = CausalConv1d(config.latent_channels, config.width, 3)
        self.coarse = nn.Sequential(*(ConvNextBlock1d(config.width) for _ in range(config.depth)))
        self.expand = nn.Linear(config.width, config.frames_per_token * config.fine_width)
        self.fine = nn.Sequential(*(ConvNextBlock1d(config.fine_width) for _ in range(config.depth)))
        self.head = SourceFilterHead(config.fine_width, config.sample_rate_hz, config.hop_samples)

    def forward(self, latents_BNC: Tensor) -> Tensor:
        return self.voice(latents_BNC)[0]

    def voice(self, latents_BNC: Tensor) -> tuple[Tensor, Tensor]:
        """The samples, and the pitch of each mel frame [B, frames] in octaves above 1 Hz."""
        coarse = self.coarse(self.enter(latents_BNC.transpose(1, 2))).transpose(1, 2)
        fine = self.expand(coarse).unflatten(2, (self.frames_per_token, -1)).flatten(1, 2)
        samples, pitch = self.head(self.fine(fine.transpose(1, 2)).transpose(1, 2))
        return torch.tanh(samples), pitch


class AudioCodec(nn.Module):
    """The agent's audio: encoder with a KL bottleneck, and decoder."""

    def __init__(self, config: AudioCodecConfig) -> None:
        super().__init__()
        self.encoder = AudioEncoder(config, 2 * config.latent_channels)
        self.decoder = AudioDecoder(config)

    def encode(self, samples_BT: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents, each [B, N, C]."""
        mean, log_variance = self.encoder(samples_BT).chunk(2, dim=2)
        return mean, log_variance

    def decode(self, latents_BNC: Tensor) -> Tensor:
        """Samples [B, T] in -1..1."""
        return self.decoder(latents_BNC)

    def decode_parts(self, latents_BNC: Tensor) -> tuple[Tensor, ...]:
        """The samples, and the pitch that training compares, see `AudioDecoder.voice`."""
        return self.decoder.voice(latents_BNC)
