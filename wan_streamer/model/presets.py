"""The presets, and models whose weights come from a seed."""

import dataclasses
from pathlib import Path

import torch

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import (
    AudioCodecConfig,
    BackboneConfig,
    EarConfig,
    HistoryConfig,
    ModelConfig,
    VideoCodecConfig,
)
from wan_streamer.model.model_weights import config_of
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.model.wan_streamer import WanStreamer

# The text tokens of nano, learned from the museum's scripts (wan_streamer/train/vocabulary.py).
VOCABULARY = "nano"


def nano() -> ModelConfig:
    """Real time on two CPU cores; docs/model.md has the measurements behind each size."""
    audio = AudioCodecConfig(
        sample_rate_hz=16_000,
        width=160,
        fine_width=160,
        depth=3,
        latent_channels=32,
        tokens_per_unit=4,
        wave_channels=64,
    )
    video = VideoCodecConfig(height=128, width=224, stride=32, channels=(48, 64, 96, 128), depth=1, latent_channels=64)
    return ModelConfig(
        name="nano",
        vocabulary=VOCABULARY,
        backbone=BackboneConfig(
            width=256,
            layer_count=8,
            head_count=4,
            kv_head_count=2,
            head_size=64,
            mlp_width=640,
            vocabulary_size=len(vocabulary_named(VOCABULARY)),
            rope_axis_pairs=(16, 8, 8),
        ),
        user_audio=EarConfig(),
        user_video=video,
        sees_with_codec=True,
        agent_audio=audio,
        agent_video=video,
        history=HistoryConfig(
            sink_units=1,
            user_video_units=16,
            user_audio_units=62,
            agent_text_units=125,
            agent_audio_units=62,
            agent_video_units=8,
        ),
        max_text_tokens=2,
        lag=0,
        solver_steps=2,
    )


# Width and width of the MLP of the Qwen3 models whose shape a backbone has; all else is the same in both.
QWEN3_0_6B, QWEN3_1_7B = (1024, 3072), (2048, 6144)


def _large(name: str, *, height: int, width: int, qwen3: tuple[int, int]) -> ModelConfig:
    """A Qwen3-shaped backbone over 16-pixel positions."""
    backbone_width, mlp_width = qwen3
    audio = AudioCodecConfig(
        sample_rate_hz=24_000, width=768, fine_width=384, depth=6, latent_channels=64, tokens_per_unit=4
    )
    video = VideoCodecConfig(
        height=height, width=width, stride=16, channels=(96, 192, 384), depth=3, latent_channels=48
    )
    return ModelConfig(
        name=name,
        backbone=BackboneConfig(
            width=backbone_width,
            layer_count=28,
            head_count=16,
            kv_head_count=8,
            head_size=128,
            mlp_width=mlp_width,
            vocabulary_size=151_936,
            rope_axis_pairs=(32, 16, 16),
        ),
        user_audio=dataclasses.replace(audio, sample_rate_hz=16_000),
        user_video=video,
        agent_audio=audio,
        agent_video=video,
        history=HistoryConfig(
            sink_units=1,
            user_video_units=25,
            user_audio_units=375,
            agent_text_units=1875,
            agent_audio_units=125,
            agent_video_units=12,
        ),
        max_text_tokens=4,
        lag=1,
        solver_steps=4,
    )


def v0_1() -> ModelConfig:
    """192x336, 252 video tokens a unit; the backbone has the shape of Qwen3-0.6B."""
    return _large("v0_1", height=192, width=336, qwen3=QWEN3_0_6B)


def v0_1_1b7() -> ModelConfig:
    """v0_1 with a backbone of the shape of Qwen3-1.7B, after which it is named."""
    return _large("v0_1_1b7", height=192, width=336, qwen3=QWEN3_1_7B)


def v0_2() -> ModelConfig:
    """640x368, 920 video tokens a unit; the backbone has the shape of Qwen3-0.6B."""
    return _large("v0_2", height=368, width=640, qwen3=QWEN3_0_6B)


def v0_2_1b7() -> ModelConfig:
    """v0_2 with a backbone of the shape of Qwen3-1.7B, after which it is named."""
    return _large("v0_2_1b7", height=368, width=640, qwen3=QWEN3_1_7B)


PRESETS = {"nano": nano, "v0_1": v0_1, "v0_1_1b7": v0_1_1b7, "v0_2": v0_2, "v0_2_1b7": v0_2_1b7}


def preset(name: str) -> ModelConfig:
    """The configuration of a preset, or of the model whose weights lie in the file of this name (*.safetensors).

    Raises:
        InvalidInput: there is none of this name, or the file has none.
    """
    if names_weights(name):
        return config_of(Path(name))
    if name not in PRESETS:
        raise InvalidInput(f"got preset {name!r}, expected one of {', '.join(PRESETS)}", reason="PRESET_UNKNOWN")
    return PRESETS[name]()


def names_weights(name: str) -> bool:
    """Whether `preset` takes a name for a file of weights."""
    return name.endswith(".safetensors")


def untrained(config: ModelConfig, seed: int) -> WanStreamer:
    """A model whose weights come from a seed, ready to serve; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return WanStreamer(config).eval().requires_grad_(False)
