"""Latents as a sender would write them: eight bits each, so that a codec without entropy coding has a bit rate."""

from typing import Final

import torch
from torch import Tensor

from wan_streamer.model.codec_weights import CodecConfig, TrainedCodec
from wan_streamer.unit import UNIT_MS

BITS: Final = 8
STEPS_A_DEVIATION: Final = 16
LOWEST, HIGHEST = -(2 ** (BITS - 1)), 2 ** (BITS - 1) - 1


def latent_codes(latents: Tensor, trained: TrainedCodec) -> Tensor:
    """Latents [..., channels] as int8: (latent - mean) / deviation in steps of 1/16, kept within -8 to 7.9375."""
    standard = (latents - trained.latent_mean) / trained.latent_deviation
    return (standard * STEPS_A_DEVIATION).round().clamp(LOWEST, HIGHEST).to(torch.int8)


def latents_of(codes: Tensor, trained: TrainedCodec) -> Tensor:
    """The way back, float32."""
    return codes.float() / STEPS_A_DEVIATION * trained.latent_deviation + trained.latent_mean


def kilobits_per_s(config: CodecConfig) -> float:
    """What the codes of a stream cost."""
    numbers = config.tokens_per_unit * config.latent_channels
    return numbers * BITS / UNIT_MS
