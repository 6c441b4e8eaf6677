"""Causal encoders of what the user shows and says: pictures and sound of a unit -> tokens of the backbone's width.

The large presets learn theirs. A small model on little compute takes what others have learned: the pretrained ear, and
the agent's video codec; on each stands a small network that is trained.

Shape letters: B batch, U units, F frames of a unit, T samples, N tokens, C channels, D width of the backbone.
"""

import torch
from torch import Tensor, nn

from wan_streamer.model.audio_codec import AudioEncoder
from wan_streamer.model.config import AudioCodecConfig, EarConfig, VideoCodecConfig
from wan_streamer.model.ear import Ear
from wan_streamer.model.speech_encoder import SpeechEncoder
from wan_streamer.model.video_codec import VideoEncoder
from wan_streamer.model.whisper_ear import WhisperEar


class UserVideoEncoder(nn.Module):
    """Frames [B, U, F, 3, height, width] in -1..1 -> tokens [B, U, N, D], on half the codec's grid (rounded up)."""

    def __init__(self, config: VideoCodecConfig, width: int) -> None:
        super().__init__()
        self.encoder = VideoEncoder(config)
        self.reduce = nn.Conv2d(config.channels[-1], width, 3, stride=2, padding=1)

    def forward(self, frames_BUFCHW: Tensor) -> Tensor:
        features = self.encoder(frames_BUFCHW)
        tokens = self.reduce(features.flatten(0, 1)).flatten(2).transpose(1, 2)
        return tokens.unflatten(0, features.shape[:2])


class UserAudioEncoder(nn.Module):
    """Samples [B, T] of whole units in -1..1 -> tokens [B, U, N, D]."""

    def __init__(self, config: AudioCodecConfig, width: int) -> None:
        super().__init__()
        self.tokens_per_unit = config.tokens_per_unit
        self.encoder = AudioEncoder(config, width)

    def sense(self, samples_BT: Tensor) -> Tensor:
        """Nothing comes before what is trained."""
        return samples_BT

    def forward(self, samples_BT: Tensor) -> Tensor:
        return self.encoder(samples_BT).unflatten(1, (-1, self.tokens_per_unit))


class EarEncoder(nn.Module):
    """Features of pretrained ears [B, U, N, C] -> tokens [B, U, N, D], through what is trained to hear words."""

    def __init__(self, config: EarConfig, width: int) -> None:
        super().__init__()
        self.ear = Ear()
        self.whisper = WhisperEar() if config.whisper else None
        self.speech = SpeechEncoder(config, width)
        self.adapt = nn.Sequential(nn.Linear(config.width, width), nn.SiLU(), nn.Linear(width, width))

    def sense(self, samples_BT: Tensor) -> Tensor:
        """What all that is pretrained makes of the samples of whole units."""
        features: Tensor = self.ear(samples_BT)
        return features if self.whisper is None else torch.cat([features, self.whisper(samples_BT)], dim=3)

    def forward(self, features_BUNC: Tensor) -> Tensor:
        return self.adapt(self.speech(features_BUNC))


class SightEncoder(nn.Module):
    """Latents of the video codec [B, U, N, C] -> tokens [B, U, N, D], on half the codec's grid (rounded up)."""

    def __init__(self, config: VideoCodecConfig, width: int) -> None:
        super().__init__()
        self.grid = config.grid
        self.reduce = nn.Conv2d(config.latent_channels, width, 3, stride=2, padding=1)
        self.adapt = nn.Sequential(nn.SiLU(), nn.Linear(width, width))

    def forward(self, latents_BUNC: Tensor) -> Tensor:
        pictures = latents_BUNC.flatten(0, 1).transpose(1, 2).unflatten(2, self.grid)
        tokens = self.reduce(pictures).flatten(2).transpose(1, 2)
        return self.adapt(tokens).unflatten(0, latents_BUNC.shape[:2])
