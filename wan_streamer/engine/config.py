"""What the processes that run the model are configured with, and how they load it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from wan_streamer.engine.attention_kernel import check_kernel
from wan_streamer.engine.captured import Recorder, recorder_on
from wan_streamer.engine.number_type import DTYPES, NumberType, serve_in
from wan_streamer.errors import InvalidInput
from wan_streamer.model.model_weights import load_trained
from wan_streamer.model.presets import names_weights, preset, untrained
from wan_streamer.model.shipped import shipped_codec, shipped_transformer, use_shipped_senses, use_shipped_transformer
from wan_streamer.model.wan_streamer import WanStreamer


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """Which model runs, and on what."""

    preset: str = "nano"
    """Size of the model (`wan-streamer presets` lists them), or the file of trained weights of one (*.safetensors)."""
    weights_seed: int = 0
    """What no trained weights ship of is drawn from this seed. All services must use the same one."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the model runs."""
    dtype: NumberType = "float32"
    """Numbers of the backbone and its keys and values: bfloat16 on GPUs. All services must use the same."""
    eager: bool = False
    """On a GPU: run passes as they are written, without CUDA graphs. Slower; to find out what is wrong."""
    threads: int = 1
    """CPU threads of the engine. One is right where thinker and performer share few cores."""
    max_sessions: int = 0
    """Sessions that are admitted at once; 0 measures the cost of a unit at start and admits what fits."""


def load_model(config: EngineConfig) -> WanStreamer:
    """The model of a configuration, on its device.

    Raises:
        InvalidInput: an unknown preset, weights that do not fit or cannot be read, a device that is not there, or a
            thread count below 1; ATTENTION_KERNEL, the device has no kernel for these numbers.
    """
    if config.threads < 1:
        raise InvalidInput(f"got threads {config.threads}, expected at least 1", reason="THREADS")
    if config.device == "cuda" and not torch.cuda.is_available():
        raise InvalidInput("got device cuda, but no CUDA GPU can be used here; say --device cpu", reason="DEVICE")
    torch.set_num_threads(config.threads)
    model = untrained(preset(config.preset), config.weights_seed)
    use_shipped_senses(model)
    if names_weights(config.preset):
        load_trained(Path(config.preset), model)
    else:
        use_shipped_transformer(model)
    serve_in(model, config.dtype).to(config.device)
    if config.device == "cuda":
        check_kernel(model.config.backbone, torch.device(config.device), DTYPES[config.dtype])
    return model


def recorder_of(config: EngineConfig) -> Recorder:
    """How the passes of a configuration run."""
    return recorder_on(torch.device(config.device), eager=config.eager)


def describe(config: EngineConfig) -> str:
    """What the weights are, in words for people."""
    if names_weights(config.preset):
        return f"{Path(config.preset).name}, trained"
    if shipped_transformer(config.preset).is_file():
        return f"{config.preset}, trained"
    codecs = "trained codecs" if shipped_codec(config.preset, "video").is_file() else "untrained codecs"
    return f"{config.preset}, {codecs}, untrained Transformer (weights drawn from seed {config.weights_seed})"
