"""Weights of the trained Transformer in safetensors: all but the ear and the codecs, which ship in files of their own.

An avatar's file has its own codecs besides, for a voice and a face that those that ship do not know.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.config_json import config_json, read_config
from wan_streamer.model.row_integers import restored
from wan_streamer.model.senses import check_senses
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.model.weights_file import read_metadata, read_weights

# What is not trained with the Transformer.
CODECS = ("audio_codec.", "video_codec.", "audio_latent_", "video_latent_")
FROZEN = (*CODECS, "user_audio.ear.", "user_audio.whisper.")
KIND = "transformer"


def trained_tensors(model: WanStreamer) -> dict[str, Tensor]:
    """Name and value of all that stages 1 to 3 train."""
    return {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(FROZEN)}


def codec_tensors(model: WanStreamer) -> dict[str, Tensor]:
    """Name and value of the codecs' weights and of the statistics of their latents."""
    return {name: tensor for name, tensor in model.state_dict().items() if name.startswith(CODECS)}


def pack_model(model: WanStreamer, metadata: dict[str, str], dtype: torch.dtype, *, with_codecs: bool = False) -> bytes:
    """The file's content, in `dtype`; an avatar's with its codecs, the statistics of latents in float32."""
    tensors = {name: tensor.to(dtype) for name, tensor in trained_tensors(model).items()}
    if with_codecs:
        tensors |= {
            name: tensor.float() if "_latent_" in name else tensor.to(dtype)
            for name, tensor in codec_tensors(model).items()
        }
    content = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    return safetensors.torch.save(content, metadata_of(model.config, metadata))


def metadata_of(config: ModelConfig, metadata: Mapping[str, str]) -> dict[str, str]:
    """What a file of weights says of itself, and `metadata` besides."""
    return {**metadata, "kind": KIND, "config": config_json(config)}


def config_of(path: Path) -> ModelConfig:
    """The configuration that a file of weights was written with.

    A vocabulary that does not ship with the package is taken from beside the weights if it lies there, else from where
    it was.

    Raises:
        InvalidInput: WEIGHTS_DAMAGED; WEIGHTS_KIND: of something else than a Transformer.
    """
    metadata = read_metadata(path)
    if metadata.get("kind") != KIND:
        raise InvalidInput(
            f"got {path} with weights of kind {metadata.get('kind')!r}, expected a Transformer; name another file",
            reason="WEIGHTS_KIND",
        )
    config = read_config(metadata.get("config", ""), path)
    beside = path.parent / Path(config.vocabulary).name
    if config.vocabulary.endswith(".json") and beside.is_file():
        return dataclasses.replace(config, vocabulary=str(beside.resolve()))
    return config


def load_trained(path: Path, model: WanStreamer) -> dict[str, str]:
    """Fills a model with trained weights, and the codecs of an avatar's; returns what the file says of them.

    Raises:
        InvalidInput: WEIGHTS_DAMAGED; WEIGHTS_KIND: of something else, or of another configuration; SENSES_DIFFER:
            trained with other codecs than the model's.
    """
    metadata, packed = read_weights(path)
    tensors = restored(packed)
    own = trained_tensors(model) | (codec_tensors(model) if _has_codecs(tensors) else {})
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    if metadata.get("kind") != KIND or shapes != {name: tensor.shape for name, tensor in own.items()}:
        raise InvalidInput(
            f"got {path} with weights of kind {metadata.get('kind')!r} that do not fit the preset "
            f"{model.config.name!r}, expected its Transformer; name another file",
            reason="WEIGHTS_KIND",
        )
    _check_text(metadata, model, path)
    if _has_codecs(tensors):
        _fill(codec_tensors(model), tensors)
    check_senses(metadata, model, path)
    fill_trained(model, tensors)
    return metadata


def load_own_codecs(path: Path, model: WanStreamer) -> bool:
    """Fills a model with the codecs of an avatar's file, and nothing else; False where the file has none.

    Raises:
        InvalidInput: WEIGHTS_DAMAGED; WEIGHTS_KIND: of another configuration.
    """
    tensors = {name: tensor for name, tensor in restored(read_weights(path)[1]).items() if name.startswith(CODECS)}
    own = codec_tensors(model)
    if not tensors:
        return False
    if {name: tensor.shape for name, tensor in tensors.items()} != {name: tensor.shape for name, tensor in own.items()}:
        raise InvalidInput(
            f"got {path} with codecs that do not fit the preset {model.config.name!r}, expected its codecs; name "
            "another file",
            reason="WEIGHTS_KIND",
        )
    _fill(own, tensors)
    return True


def _has_codecs(tensors: Mapping[str, Tensor]) -> bool:
    return any(name.startswith(CODECS) for name in tensors)


def fill_trained(model: WanStreamer, tensors: Mapping[str, Tensor]) -> None:
    """Writes the values of all that is trained into a model of the same configuration."""
    _fill(trained_tensors(model), tensors)


@torch.no_grad()
def _fill(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in own.items():
        tensor.copy_(tensors[name])


def _check_text(metadata: Mapping[str, str], model: WanStreamer, path: Path) -> None:
    """Equal shapes may still be another function of the words: in what the tokens stand for, in RoPE, in the norms."""
    if "config" not in metadata:
        return
    stored, own = read_config(metadata["config"], path), model.config
    differing = [
        f"{name} {theirs} and not {ours}"
        for name, theirs, ours in (
            ("vocabulary", Path(stored.vocabulary).name, Path(own.vocabulary).name),
            ("rope_theta", stored.backbone.rope_theta, own.backbone.rope_theta),
            ("rope_axis_pairs", stored.backbone.rope_axis_pairs, own.backbone.rope_axis_pairs),
            ("norm_epsilon", stored.backbone.norm_epsilon, own.backbone.norm_epsilon),
        )
        if theirs != ours
    ]
    if differing:
        raise InvalidInput(
            f"got {path} with {', '.join(differing)}, expected the model's; take preset('{path}') of "
            "wan_streamer.model.presets, the configuration that the weights were written with",
            reason="WEIGHTS_KIND",
        )
