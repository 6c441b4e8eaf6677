"""What the trainer asks of audio and of video: a codec, its losses, its data.

Shape letters: B batch, N whatever a latent's positions are, C channels.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wan_streamer.model.codec_weights import Codec, CodecConfig
from wan_streamer.train.audio_losses import kl_to_normal
from wan_streamer.train.clips import Clips
from wan_streamer.train.recipe import CodecRecipe

# Beyond these a posterior is a point or noise, and exp() overflows soon after.
MIN_LOG_VARIANCE, MAX_LOG_VARIANCE = -14.0, 6.0
# Keeps the noise of an item apart from the numbers that drew the item.
NOISE_STREAM = 1
STATISTICS_BATCHES = 16


class CodecTask(ABC):
    """One codec to train; the modules are made from the caller's random state."""

    def __init__(self, recipe: CodecRecipe, clips: Clips) -> None:
        self.recipe = recipe
        self.clips = clips
        self.training, self.heldout = clips.split(recipe.heldout_percent)
        self.codec: Codec = self._make_codec()
        self.reconstruction: nn.Module = self._make_reconstruction()
        self.discriminators: nn.Module = self._make_discriminators()

    @abstractmethod
    def _make_codec(self) -> Codec: ...

    @abstractmethod
    def _make_reconstruction(self) -> nn.Module: ...

    @abstractmethod
    def _make_discriminators(self) -> nn.Module: ...

    @property
    @abstractmethod
    def config(self) -> CodecConfig:
        """Of the codec."""

    @property
    @abstractmethod
    def kl_weight(self) -> float:
        """Weight of the KL divergence."""

    @abstractmethod
    def batch(self, step: int, items: Sequence[int]) -> Tensor:
        """Training items of a step, on the CPU."""

    @abstractmethod
    def validate(self, codec: Codec, device: torch.device) -> dict[str, float]:
        """How good the codec is on held-out clips (on training clips where there are no others)."""

    def losses(self, codec_output: tuple[Tensor, ...], original: Tensor) -> dict[str, Tensor]:
        """Weighted parts of the loss without the adversarial ones."""
        decoded, mean, log_variance, *more = (part.float() for part in codec_output)
        parts: dict[str, Tensor] = self.reconstruction(decoded, original, *more)
        return parts | {"kl": self.kl_weight * kl_to_normal(mean, log_variance)}

    def noise(self, step: int, items: Sequence[int], latent_shape: torch.Size) -> Tensor:
        """Noise of the posterior, a function of (seed, step, item), on the CPU."""
        rows = [
            np.random.default_rng((self.recipe.seed, step, item, NOISE_STREAM)).standard_normal(
                tuple(latent_shape[1:]), np.float32
            )
            for item in items
        ]
        return torch.from_numpy(np.stack(rows))

    @torch.no_grad()
    def latent_statistics(self, codec: Codec, device: torch.device) -> tuple[Tensor, Tensor]:
        """Mean and deviation of each channel over training data, noise of the posterior included, each [C]."""
        items = range(self.recipe.batch_size)
        means, variances = [], []
        for batch in range(STATISTICS_BATCHES):
            # Steps after the last one: other draws than training saw.
            mean, log_variance = codec.encode(self.batch(self.recipe.steps + batch, items).to(device))
            means.append(mean.float().flatten(0, -2).cpu())
            variances.append(bounded(log_variance.float()).exp().flatten(0, -2).cpu())
        mean_NC = torch.cat(means)
        deviation = (mean_NC.var(dim=0, unbiased=False) + torch.cat(variances).mean(dim=0)).sqrt()
        return mean_NC.mean(dim=0), deviation

    def validation_clips(self) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """Held-out clips, or all where the data is too little to hold any out."""
        return self.heldout if len(self.heldout) else self.training


class Reconstruct(nn.Module):
    """Through the codec and back, in one call that can be compiled."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, original: Tensor, noise: Tensor) -> tuple[Tensor, ...]:
        """Decoded, mean and log-variance of the latents, and what else the decoder says of itself."""
        mean, log_variance = self.codec.encode(original)
        log_variance = bounded(log_variance)
        latents = mean + noise * torch.exp(0.5 * log_variance)
        decoded, *more = self.codec.decode_parts(latents)
        return decoded, mean, log_variance, *more


def bounded(log_variance: Tensor) -> Tensor:
    """Log-variance within what float arithmetic likes."""
    return log_variance.clamp(MIN_LOG_VARIANCE, MAX_LOG_VARIANCE)
