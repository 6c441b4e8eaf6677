"""Small untrained codecs, and media of whole units."""

import numpy as np
import torch
from numpy.typing import NDArray

from tests.support.tiny import tiny_config
from wan_streamer.model.audio_codec import AudioCodec
from wan_streamer.model.codec_weights import Codec, CodecConfig, TrainedCodec
from wan_streamer.model.video_codec import VideoCodec


def small_audio_codec() -> TrainedCodec:
    """At 8 kHz, weights from a seed."""
    config = tiny_config().agent_audio
    torch.manual_seed(0)
    return _trained(AudioCodec(config), config, config.latent_channels)


def small_video_codec() -> TrainedCodec:
    """Of 32x32 pixels, weights from a seed."""
    config = tiny_config().agent_video
    torch.manual_seed(0)
    return _trained(VideoCodec(config), config, config.latent_channels)


def noise(units: int, rate_hz: int, seed: int) -> NDArray[np.float32]:
    """Soft noise whose loudness wanders as speech's does."""
    random = np.random.default_rng(seed)
    count = units * rate_hz * 160 // 1000
    loudness = np.interp(np.arange(count), np.linspace(0, count, 4 * units), random.random(4 * units))
    return (0.1 * loudness * random.standard_normal(count)).astype(np.float32)


def moving_square(units: int, seed: int, size: int = 32) -> NDArray[np.uint8]:
    """A bright square that wanders over a gradient, [units * 4, size, size, 3]."""
    random = np.random.default_rng(seed)
    film = np.tile(np.linspace(40, 120, size, dtype=np.uint8)[None, None, :, None], (units * 4, size, 1, 3))
    turns = np.arange(0, units * 4 + 8, 8)
    place = (size - 9) * np.interp(np.arange(units * 4), turns, random.random(len(turns)))
    for frame, left in zip(film, place.astype(int), strict=True):
        frame[8:16, left : left + 8] = (230, 60, 90)
    return film


def _trained(codec: Codec, config: CodecConfig, channels: int) -> TrainedCodec:
    return TrainedCodec(
        codec.eval(), config, torch.full((channels,), 0.1), torch.full((channels,), 0.5), {"steps": "0"}
    )
