"""A model of the real structure with small sizes, for tests that run many units."""

import numpy as np
import torch

from wan_streamer.engine.exchange import UserInput
from wan_streamer.model.config import AudioCodecConfig, BackboneConfig, HistoryConfig, ModelConfig, VideoCodecConfig
from wan_streamer.model.presets import untrained
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit

VOCABULARY_SIZE = 258


def tiny_config(
    *, lag: int = 0, solver_steps: int = 2, history: HistoryConfig | None = None, heads: tuple[int, int] = (4, 2)
) -> ModelConfig:
    """Width 24, 3 layers, 2x2 video tokens, windows of a few units; `heads` over key-value heads."""
    audio = AudioCodecConfig(
        sample_rate_hz=8000, mel_bands=8, width=8, fine_width=8, depth=1, latent_channels=4, tokens_per_unit=4,
        wave_channels=3,
    )  # fmt: skip
    video = VideoCodecConfig(height=32, width=32, stride=16, channels=(8, 8, 8), depth=1, latent_channels=5)
    return ModelConfig(
        name="tiny",
        backbone=BackboneConfig(
            width=24,
            layer_count=3,
            head_count=heads[0],
            kv_head_count=heads[1],
            head_size=8,
            mlp_width=32,
            vocabulary_size=VOCABULARY_SIZE,
            rope_axis_pairs=(2, 1, 1),
        ),
        user_audio=audio,
        user_video=video,
        agent_audio=audio,
        agent_video=video,
        history=history
        or HistoryConfig(
            sink_units=2,
            user_video_units=2,
            user_audio_units=4,
            agent_text_units=5,
            agent_audio_units=3,
            agent_video_units=2,
        ),
        max_text_tokens=3,
        lag=lag,
        solver_steps=solver_steps,
    )


def random_unit(config: ModelConfig, unit_index: int, seed: int = 0) -> UserInput:
    """Noise to hear and see."""
    random = np.random.default_rng((seed, unit_index))
    samples = samples_per_unit(config.user_audio.sample_rate_hz)
    shape = (FRAMES_PER_UNIT, config.user_video.height, config.user_video.width, 3)
    return UserInput(
        unit_index=unit_index,
        audio=random.uniform(-0.5, 0.5, samples).astype(np.float32),
        video=random.integers(0, 256, shape, dtype=np.uint8),
    )


def random_model(config: ModelConfig, dtype: torch.dtype) -> WanStreamer:
    """Weights large enough that every token matters, and with modulation by noise."""
    model = untrained(config, 0)
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if name.startswith(("transformer", "tau_mlp", "layer_modulation", "kind", "text", "audio_", "video_", "user")):
            spread = 0.5 if parameter.ndim == 1 else 1.2 * parameter.shape[-1] ** -0.5
            parameter.data = torch.randn(parameter.shape, generator=generator) * spread
    return model.to(dtype)
