"""Causal audio encoder and decoder: samples <-> latents, without any lookahead.

Shape letters: B batch, T samples, N tokens (latents), C channels.
"""

import torch
from torch import Tensor, nn

from wan_streamer.model.causal import CausalConv1d, ConvNextBlock1d, LogMel
from wan_streamer.model.config import AudioCodecConfig
from wan_streamer.model.streaming import CausalLayer

# Frames that a filter over the raw samples sees: 30 ms hold three periods of a low voice.
WAVE_FRAMES = 3
# exp() of it is the loudest wave; the samples are bounded by tanh in any case.
MAX_LOG_AMPLITUDE = 4.0
# What the logarithms are counted from: before training the waves are about as soft as speech.
SOFT_LOG_AMPLITUDE = -3.0


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


class WaveHead(CausalLayer):
    """Features [B, N, C] of a frame -> its samples [B, N, hop]: a sum of learned waves with amplitude and phase.

    Vocos' head (arXiv 2306.00814) with a learned basis of one frame in place of the inverse Fourier transform
    (as in WaveNeXt): a turn of the phase is then one addition, as it is for a tone that goes on. A frame says how it
    would go on, and the next one fades in over that: no jump, and nothing waits for a frame to come.
    """

    fade_in: Tensor

    def __init__(self, width: int, waves: int, hop_samples: int, crossfade_samples: int) -> None:
        super().__init__((1, crossfade_samples), time_axis=1)
        self.hop_samples = hop_samples
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.polar = nn.Linear(width, 2 * waves)
        self.basis = nn.Linear(waves, hop_samples + crossfade_samples)
        fade_in = torch.linspace(0, 1, crossfade_samples + 2)[1:-1]
        self.register_buffer("fade_in", fade_in, persistent=False)

    def forward(self, x_BNC: Tensor) -> Tensor:
        log_amplitude, phase = self.polar(self.norm(x_BNC)).chunk(2, dim=2)
        amplitude = (log_amplitude + SOFT_LOG_AMPLITUDE).clamp(max=MAX_LOG_AMPLITUDE).exp()
        frames, onwards = self.basis(amplitude * phase.cos()).split([self.hop_samples, self.fade_in.shape[0]], dim=2)
        before = self.with_past(onwards)[:, :-1]
        begin, rest = frames.tensor_split([self.fade_in.shape[0]], dim=2)
        return torch.cat([begin * self.fade_in + before * (1 - self.fade_in), rest], dim=2)


class AudioDecoder(nn.Module):
    """Latents [B, N, C] -> samples [B, T] in -1..1.

    A head makes the samples of one mel frame at a time; nothing waits for the next frame.
    """

    def __init__(self, config: AudioCodecConfig) -> None:
        super().__init__()
        self.frames_per_token = config.frames_per_token
        self.enter = CausalConv1d(config.latent_channels, config.width, 3)
        self.coarse = nn.Sequential(*(ConvNextBlock1d(config.width) for _ in range(config.depth)))
        self.expand = nn.Linear(config.width, config.frames_per_token * config.fine_width)
        self.fine = nn.Sequential(*(ConvNextBlock1d(config.fine_width) for _ in range(config.depth)))
        self.head = WaveHead(config.fine_width, config.head_waves, config.hop_samples, config.crossfade_samples)

    def forward(self, latents_BNC: Tensor) -> Tensor:
        coarse = self.coarse(self.enter(latents_BNC.transpose(1, 2))).transpose(1, 2)
        fine = self.expand(coarse).unflatten(2, (self.frames_per_token, -1)).flatten(1, 2)
        samples = self.head(self.fine(fine.transpose(1, 2)).transpose(1, 2))
        return torch.tanh(samples.flatten(1))


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
