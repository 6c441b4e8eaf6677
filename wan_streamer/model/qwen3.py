"""The backbone from a Qwen3 checkpoint (arXiv 2505.09388): which of its tensors become which of ours.

Rows of queries and keys need no reordering: both turn the pairs (i, i + head_size / 2) of a head. Words stand at the
same position on all three axes of our RoPE, so how its pairs are shared between the axes means nothing to them.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.model.checkpoint_folder import CONFIG, CheckpointFolder, damaged
from wan_streamer.model.config import BackboneConfig, EarConfig, ModelConfig
from wan_streamer.model.layout import Kind
from wan_streamer.model.model_weights import trained_tensors
from wan_streamer.model.presets import untrained
from wan_streamer.model.transformer import MODULATIONS

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
# What our blocks do not have, and what config.json says where there is none of it.
PLAIN: Mapping[str, Any] = {
    "hidden_act": "silu",
    "attention_bias": False,
    "use_sliding_window": False,
    "quantization_config": None,
}
FULL_ATTENTION = "full_attention"
# Our names of a backbone's sizes, and those of config.json.
SIZES: Mapping[str, str] = {
    "width": "hidden_size",
    "layer_count": "num_hidden_layers",
    "head_count": "num_attention_heads",
    "kv_head_count": "num_key_value_heads",
    "head_size": "head_dim",
    "mlp_width": "intermediate_size",
    "vocabulary_size": "vocab_size",
}

# Their tensors with their shapes; those of one of ours are stacked along the first axis.
Sources = dict[str, tuple[int, ...]]


class Qwen3Checkpoint:
    """A checkpoint that fits: all tensors are there in the right shapes.

    Attributes:
        backbone: sizes, RoPE and norms that its config.json says.

    Raises:
        InvalidInput: when it is opened. CHECKPOINT_KIND: no Qwen3, or one with something that our backbone does not
            have; CHECKPOINT: a file or tensor is missing, damaged or of a wrong shape.
    """

    def __init__(self, path: Path) -> None:
        self._folder = CheckpointFolder(path)
        check_kind(self._folder.config, path)
        self.backbone = backbone_of(self._folder.config, path)
        tied = bool(self._folder.config.get("tie_word_embeddings", False))
        self._sources = _sources(self.backbone, EMBEDDING if tied else HEAD)
        self._check_tensors()

    @property
    def names(self) -> list[str]:
        """Our names of the tensors that it fills."""
        return list(self._sources)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Our name and the values of each tensor that it fills, one at a time.

        Raises:
            InvalidInput: CHECKPOINT, one is not of finite floating-point numbers.
        """
        for name, sources in self._sources.items():
            parts = [self._folder.tensor(source) for source in sources]
            for source, part in zip(sources, parts, strict=True):
                if not part.is_floating_point() or not bool(part.isfinite().all()):
                    raise damaged(self._folder.path, f"whose {source} ({part.dtype}) has other than finite numbers")
            # A tied head is a tensor of its own: our embedding and head are trained apart.
            yield name, torch.cat(parts) if len(parts) > 1 or name == "text_head.weight" else parts[0]

    def _check_tensors(self) -> None:
        path, wanted = self._folder.path, {k: v for sources in self._sources.values() for k, v in sources.items()}
        for name, shape in wanted.items():
            if name not in self._folder.names:
                raise damaged(path, f"without the tensor {name}")
            if self._folder.shape(name) != shape:
                raise damaged(path, f"whose {name} has the shape {self._folder.shape(name)} and not {shape}")
        # Tied checkpoints may hold the head, too; old ones hold RoPE's frequencies.
        more = [n for n in self._folder.names - set(wanted) - {HEAD} if not n.endswith("rotary_emb.inv_freq")]
        if more:
            raise InvalidInput(
                f"got {path} with {len(more)} tensors that Qwen3 has not ({min(more)}), expected a plain Qwen3 "
                "checkpoint; merge adapters into the weights before they are saved",
                reason="CHECKPOINT_KIND",
            )


def check_kind(config: Mapping[str, Any], path: Path) -> None:
    """Whether the blocks of a config.json are ours.

    Raises:
        InvalidInput: CHECKPOINT_KIND, they are not.
    """
    kind = config.get("model_type")
    if kind == "qwen2":
        raise InvalidInput(
            f"got {path} of the type 'qwen2' (Qwen2, Qwen2.5), expected 'qwen3': its queries, keys and values have a "
            f"bias and no norm, ours have the norm and no bias; what would take it is {_qwen2_backbone(config)} with "
            "these two as choices, which a BackboneConfig does not have; take a Qwen3 checkpoint",
            reason="CHECKPOINT_KIND",
        )
    if kind != "qwen3":
        raise InvalidInput(
            f"got {path} of the type {kind!r}, expected 'qwen3', dense; take a Qwen3 checkpoint",
            reason="CHECKPOINT_KIND",
        )
    differing = {name: config[name] for name, plain in PLAIN.items() if config.get(name) not in (plain, None)}
    if any(layer_type != FULL_ATTENTION for layer_type in config.get("layer_types") or ()):
        differing["layer_types"] = config["layer_types"]
    if (rope := _rope(config).get("rope_type", "default")) != "default":
        differing["rope_type"] = rope
    if differing:
        raise InvalidInput(
            f"got {path} with {differing}, expected none of it: our blocks do not have it; take a Qwen3 checkpoint as "
            "it was published, not quantised",
            reason="CHECKPOINT_KIND",
        )


def _qwen2_backbone(config: Mapping[str, Any]) -> str:
    """The sizes that a config.json of Qwen2 says, as our configuration would have them."""
    sizes = {ours: config.get(theirs) for ours, theirs in SIZES.items()}
    width, heads = sizes["width"], sizes["head_count"]
    sizes["head_size"] = width // heads if isinstance(width, int) and isinstance(heads, int) and heads else None
    return f"BackboneConfig({', '.join(f'{name}={size}' for name, size in sizes.items())})"


def backbone_of(config: Mapping[str, Any], path: Path) -> BackboneConfig:
    """The backbone that a config.json of Qwen3 describes.

    Raises:
        InvalidInput: CHECKPOINT, a size is missing or impossible.
    """
    try:
        sizes = {ours: int(config[theirs]) for ours, theirs in SIZES.items()}
        spatial = sizes["head_size"] // 8
        if min(sizes.values()) < 1:
            raise ValueError(f"got {sizes}, expected sizes of at least 1")
        return BackboneConfig(
            **sizes,
            rope_theta=float(_rope(config)["rope_theta"]),
            # Half of the pairs for time, as the presets have it.
            rope_axis_pairs=(sizes["head_size"] // 2 - 2 * spatial, spatial, spatial),
            norm_epsilon=float(config["rms_norm_eps"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path / CONFIG, f"with wrong sizes ({type(error).__name__}: {error})") from error


def new_tensors(config: ModelConfig, seed: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """What a text model knows nothing of, by our names, so that it is the same text model as before.

    The kind embedding of words is zero, and so is all that noise levels modulate.
    """
    # A vocabulary of Qwen3's size twice would not fit everywhere; a reader of letters has one of its own.
    rows = config.backbone.vocabulary_size if isinstance(config.user_audio, EarConfig) else 1
    bare = dataclasses.replace(config.backbone, layer_count=0, vocabulary_size=rows)
    tensors = trained_tensors(untrained(dataclasses.replace(config, backbone=bare), seed))
    new = {name: tensor.to(dtype) for name, tensor in tensors.items() if not name.startswith(("transformer.", "text_"))}
    new["kind_embedding.weight"][Kind.AGENT_TEXT] = 0
    shape = (config.backbone.layer_count, MODULATIONS, config.backbone.width)
    new["layer_modulation"] = torch.zeros(shape, dtype=dtype)
    return new


def _rope(config: Mapping[str, Any]) -> dict[str, Any]:
    """As transformers 5 says it (rope_parameters) or 4 (rope_theta, and rope_scaling where it is not plain)."""
    found = config.get("rope_parameters") or config.get("rope_scaling")
    found = found if isinstance(found, dict) else {}
    return {"rope_theta": config.get("rope_theta"), "rope_type": found.get("type", "default")} | found


def _sources(c: BackboneConfig, head: str) -> dict[str, Sources]:
    """Our name -> theirs with their shapes."""
    table: dict[str, Sources] = {"text_embedding.weight": {EMBEDDING: (c.vocabulary_size, c.width)}}
    for layer in range(c.layer_count):
        table |= {
            f"transformer.blocks.{layer}.{ours}.weight": {
                f"model.layers.{layer}.{name}.weight": shape for name, shape in theirs.items()
            }
            for ours, theirs in _block_sources(c).items()
        }
    table["transformer.norm.weight"] = {"model.norm.weight": (c.width,)}
    table["text_head.weight"] = {head: (c.vocabulary_size, c.width)}
    return table


def _block_sources(c: BackboneConfig) -> dict[str, Sources]:
    queries, keys = c.head_count * c.head_size, c.kv_head_count * c.head_size
    return {
        "attention_norm": {"input_layernorm": (c.width,)},
        "attention.qkv": {
            "self_attn.q_proj": (queries, c.width),
            "self_attn.k_proj": (keys, c.width),
            "self_attn.v_proj": (keys, c.width),
        },
        "attention.q_norm": {"self_attn.q_norm": (c.head_size,)},
        "attention.k_norm": {"self_attn.k_norm": (c.head_size,)},
        "attention.out": {"self_attn.o_proj": (c.width, queries)},
        "mlp_norm": {"post_attention_layernorm": (c.width,)},
        "mlp.gate_up": {"mlp.gate_proj": (c.mlp_width, c.width), "mlp.up_proj": (c.mlp_width, c.width)},
        "mlp.down": {"mlp.down_proj": (c.width, c.mlp_width)},
    }
