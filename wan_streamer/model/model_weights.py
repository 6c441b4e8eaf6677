"""Weights of the trained Transformer in safetensors: all but codecs and ear, which ship in files of their own."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.model.senses import check_senses
from wan_streamer.model.wan_streamer import WanStreamer

# What is not trained with the Transformer.
FROZEN = ("audio_codec.", "video_codec.", "user_audio.ear.", "audio_latent_", "video_latent_")
KIND = "transformer"


def trained_tensors(model: WanStreamer) -> dict[str, Tensor]:
    """Name and value of all that stages 1 to 3 train."""
    return {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(FROZEN)}


def pack_model(model: WanStreamer, metadata: dict[str, str], dtype: torch.dtype) -> bytes:
    """The file's content, in `dtype`."""
    tensors = {name: tensor.to(dtype).cpu().contiguous() for name, tensor in trained_tensors(model).items()}
    return safetensors.torch.save(tensors, {**metadata, "kind": KIND, "config": config_json(model)})


def load_trained(path: Path, model: WanStreamer) -> dict[str, str]:
    """Fills a model with trained weights and returns what the file says of them.

    Raises:
        InvalidInput: WEIGHTS_DAMAGED; WEIGHTS_KIND: of something else, or of another configuration; SENSES_DIFFER:
            trained with other codecs than the model's.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise InvalidInput(
            f"cannot read {path} as weights ({error}); copy it again or train them again", reason="WEIGHTS_DAMAGED"
        ) from error
    own = trained_tensors(model)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    if metadata.get("kind") != KIND or shapes != {name: tensor.shape for name, tensor in own.items()}:
        raise InvalidInput(
            f"got {path} with weights of kind {metadata.get('kind')!r} that do not fit the preset "
            f"{model.config.name!r}, expected its Transformer; name another file",
            reason="WEIGHTS_KIND",
        )
    check_senses(metadata, model, path)
    fill_trained(model, tensors)
    return metadata


@torch.no_grad()
def fill_trained(model: WanStreamer, tensors: Mapping[str, Tensor]) -> None:
    """Writes the values of all that is trained into a model of the same configuration."""
    for name, tensor in trained_tensors(model).items():
        tensor.copy_(tensors[name])


def config_json(model: WanStreamer) -> str:
    """The configuration, for people."""
    return json.dumps(dataclasses.asdict(model.config))
