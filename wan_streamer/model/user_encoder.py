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
from wan_streamer.model.letter_reader import LetterReader
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
    """What the ears hear [B, U, N, C] -> tokens [B, U, N, D], through what is trained to read it.

    One ear (`ear.py`) is there at once; the other (`whisper_ear.py`) spells words, 0.5 s late.
    """

    def __init__(self, config: EarConfig, width: int, vocabulary_size: int) -> None:
        super().__init__()
        self.ear = Ear()
        self.whisper = WhisperEar()
        self.reader = LetterReader(config, width, vocabulary_size)

    def sense(self, samples_BT: Tensor) -> Tensor:
        """What all that is pretrained makes of the samples of whole units."""
        return torch.cat([self.whisper(samples_BT), self.ear(samples_BT)], dim=3)

    def forward(self, heard_BUNC: Tensor) -> Tensor:
        return self.reader(heard_BUNC)


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
