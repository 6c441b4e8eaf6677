"""Codec weights in safetensors: configuration and provenance in the metadata, statistics of the latents beside them."""

import dataclasses
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.model.audio_codec import AudioCodec
from wan_streamer.model.config import AudioCodecConfig, VideoCodecConfig
from wan_streamer.model.row_integers import restored
from wan_streamer.model.video_codec import VideoCodec
from wan_streamer.model.wan_vae import PICKLE_SUFFIXES, refuse_wan_vae
from wan_streamer.model.weights_file import parse_config, read_weights

Codec = AudioCodec | VideoCodec
CodecConfig = AudioCodecConfig | VideoCodecConfig
KINDS: dict[str, tuple[Callable[..., CodecConfig], Callable[..., Codec]]] = {
    "audio": (AudioCodecConfig, AudioCodec),
    "video": (VideoCodecConfig, VideoCodec),
}
CODEC, MEAN, DEVIATION = "codec.", "latents.mean", "latents.deviation"


@dataclass(frozen=True)
class TrainedCodec:
    """A codec ready to serve; latents become (latent - mean) / deviation for the model, each [channels]."""

    codec: Codec
    config: CodecConfig
    latent_mean: Tensor
    latent_deviation: Tensor
    metadata: dict[str, str]


def pack(trained: TrainedCodec, dtype: torch.dtype) -> bytes:
    """The file's content: weights in `dtype`, statistics in float32."""
    kind = "audio" if isinstance(trained.config, AudioCodecConfig) else "video"
    tensors = {CODEC + name: tensor.to(dtype).cpu() for name, tensor in trained.codec.state_dict().items()}
    tensors |= {MEAN: trained.latent_mean.float().cpu(), DEVIATION: trained.latent_deviation.float().cpu()}
    config = json.dumps(dataclasses.asdict(trained.config))
    metadata = {**trained.metadata, "kind": kind, "config": config}
    return safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata)


def load_codec(path: Path, kind: str) -> TrainedCodec:
    """Reads an "audio" or "video" codec; it computes in float32.

    Raises:
        InvalidInput: WEIGHTS_MISSING, WEIGHTS_DAMAGED (not such a file, or cut off), WEIGHTS_KIND, or WAN_VAE.
    """
    if not path.is_file():
        raise InvalidInput(
            f"got no {kind} codec weights at {path}, expected a safetensors file; train them with "
            f"`wan-streamer train {kind}-codec-nano --data FOLDER`, or name a file",
            reason="WEIGHTS_MISSING",
        )
    if path.suffix in PICKLE_SUFFIXES:
        refuse_wan_vae(_pickled_shapes(path), path)
    metadata, tensors = read_weights(path)
    refuse_wan_vae({name: tuple(tensor.shape) for name, tensor in tensors.items()}, path)
    if metadata.get("kind") != kind:
        raise InvalidInput(
            f"got weights of kind {metadata.get('kind')!r} in {path}, expected {kind!r}; name another file",
            reason="WEIGHTS_KIND",
        )
    return _unpacked(path, kind, metadata, {name: tensor.float() for name, tensor in restored(tensors).items()})


def _pickled_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors in what torch.save wrote, none of it being run; nothing where it holds others."""
    try:
        content = torch.load(path, map_location="meta", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError):
        return {}
    tensors = content.items() if isinstance(content, dict) else ()
    return {name: tuple(value.shape) for name, value in tensors if isinstance(value, Tensor)}


def _unpacked(path: Path, kind: str, metadata: dict[str, str], tensors: dict[str, Tensor]) -> TrainedCodec:
    make_config, make_codec = KINDS[kind]
    try:
        config = make_config(**parse_config(metadata["config"]))
        codec = make_codec(config)
        own = {name.removeprefix(CODEC): tensor for name, tensor in tensors.items() if name.startswith(CODEC)}
        codec.load_state_dict(own)
        mean, deviation = tensors[MEAN], tensors[DEVIATION]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InvalidInput(
            f"got weights in {path} that do not fit their configuration ({error}); train them with this version",
            reason="WEIGHTS_DAMAGED",
        ) from error
    return TrainedCodec(codec.eval().requires_grad_(False), config, mean, deviation, metadata)
