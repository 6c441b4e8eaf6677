"""The video codec as a task."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from wan_streamer.model.codec_weights import Codec, CodecConfig
from wan_streamer.model.video_codec import VideoCodec
from wan_streamer.train.clips import Clips
from wan_streamer.train.codec_task import CodecTask
from wan_streamer.train.recipe import VideoCodecRecipe
from wan_streamer.train.video_data import as_frames, video_batch
from wan_streamer.train.video_discriminator import VideoDiscriminators
from wan_streamer.train.video_losses import VideoReconstructionLoss

# Frames are in -1..1, so the peak of the signal is 2.
PEAK_SQUARED = 4.0
SMALLEST_ERROR = 1e-10


class VideoCodecTask(CodecTask):
    """Trains a VideoCodec on frames [B, U, F, 3, height, width]."""

    def __init__(self, recipe: VideoCodecRecipe, clips: Clips) -> None:
        self.video_recipe = recipe
        super().__init__(recipe, clips)

    def _make_codec(self) -> Codec:
        return VideoCodec(self.video_recipe.codec)

    @property
    def config(self) -> CodecConfig:
        return self.video_recipe.codec

    def _make_reconstruction(self) -> nn.Module:
        return VideoReconstructionLoss(self.video_recipe.loss)

    def _make_discriminators(self) -> nn.Module:
        return VideoDiscriminators(self.video_recipe.discriminators)

    @property
    def kl_weight(self) -> float:
        return self.video_recipe.loss.kl_weight

    def batch(self, step: int, items: Sequence[int]) -> Tensor:
        return video_batch(self.clips, self.training, self.video_recipe, step, items)

    @torch.no_grad()
    def validate(self, codec: Codec, device: torch.device) -> dict[str, float]:
        """`psnr_db`: peak signal-to-noise ratio over all values of the held-out pieces together."""
        chosen = self.validation_clips()[: self.recipe.validation_items]
        squares = []
        for clip in chosen:
            units = min(self.recipe.units, self.clips.length(int(clip)))
            original = as_frames(np.asarray(self.clips.segment(int(clip), 0, units)))[None].to(device)
            decoded = codec.decode(codec.encode(original)[0]).float()
            squares.append((decoded - original).square().mean())
        error = float(torch.stack(squares).mean())
        return {"psnr_db": 10 * float(np.log10(PEAK_SQUARED / max(error, SMALLEST_ERROR)))}
