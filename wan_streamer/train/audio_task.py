"""The audio codec as a task."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from wan_streamer.media.formats import INT16_SCALE
from wan_streamer.model.audio_codec import AudioCodec
from wan_streamer.model.causal import LogMel
from wan_streamer.model.codec_weights import Codec, CodecConfig
from wan_streamer.train.audio_data import audio_batch
from wan_streamer.train.audio_discriminators import AudioDiscriminators
from wan_streamer.train.audio_losses import AudioReconstructionLoss
from wan_streamer.train.clips import Clips
from wan_streamer.train.codec_task import CodecTask
from wan_streamer.train.recipe import AudioCodecRecipe
from wan_streamer.unit import samples_per_unit

# Length of a held-out piece at most: 1.92 s.
VALIDATION_UNITS = 12


class AudioCodecTask(CodecTask):
    """Trains an AudioCodec on samples [B, T]."""

    def __init__(self, recipe: AudioCodecRecipe, clips: Clips) -> None:
        self.audio_recipe = recipe
        self.rate_hz = recipe.codec.sample_rate_hz
        super().__init__(recipe, clips)

    def _make_codec(self) -> Codec:
        return AudioCodec(self.audio_recipe.codec)

    @property
    def _token_samples(self) -> int:
        return samples_per_unit(self.rate_hz) // self.audio_recipe.codec.tokens_per_unit

    @property
    def config(self) -> CodecConfig:
        return self.audio_recipe.codec

    def _make_reconstruction(self) -> nn.Module:
        return AudioReconstructionLoss(self.audio_recipe.loss, self.rate_hz, self._token_samples)

    def _make_discriminators(self) -> nn.Module:
        return AudioDiscriminators(self.audio_recipe.discriminators)

    @property
    def kl_weight(self) -> float:
        return self.audio_recipe.loss.kl_weight

    def batch(self, step: int, items: Sequence[int]) -> Tensor:
        sample_count = self.recipe.units * samples_per_unit(self.rate_hz)
        return audio_batch(self.clips, self.training, sample_count, self.recipe.seed, step, items)

    @torch.no_grad()
    def validate(self, codec: Codec, device: torch.device) -> dict[str, float]:
        """`log_mel_l1`: mean difference of the natural logarithms of the codec's own 80 mel bands."""
        log_mel = LogMel(self.rate_hz, self.audio_recipe.codec.mel_bands).to(device)
        distances = []
        for clip in self.validation_clips()[: self.recipe.validation_items]:
            original = self._piece(int(clip)).to(device)
            decoded = codec.decode(codec.encode(original)[0]).float()
            distances.append((log_mel(decoded) - log_mel(original)).abs().mean())
        return {"log_mel_l1": float(torch.stack(distances).mean())}

    def _piece(self, clip: int) -> Tensor:
        """The beginning of a clip, whole units, [1, T]; a clip shorter than one is filled up."""
        unit = samples_per_unit(self.rate_hz)
        units = min(VALIDATION_UNITS, max(1, self.clips.length(clip) // unit))
        samples = self.clips.segment(clip, 0, units * unit).astype(np.float32)
        return torch.from_numpy(samples / INT16_SCALE)[None]
