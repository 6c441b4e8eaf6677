"""Causal encoders of what the user shows and says: pictures and sound of a unit -> tokens of the backbone's width.

They share the codecs' layers but not their weights: understanding keeps other things than reconstruction does.

Shape letters: B batch, U units, F frames of a unit, T samples, N tokens, D width of the backbone.
"""

from torch import Tensor, nn

from wan_streamer.model.audio_codec import AudioEncoder
from wan_streamer.model.config import AudioCodecConfig, VideoCodecConfig
from wan_streamer.model.video_codec import VideoEncoder


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

    def forward(self, samples_BT: Tensor) -> Tensor:
        return self.encoder(samples_BT).unflatten(1, (-1, self.tokens_per_unit))
