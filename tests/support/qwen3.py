"""Small Qwen3 checkpoints of random numbers: written by transformers, and by hand where it is not needed."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

WIDTH, LAYERS, HEADS, KV_HEADS, HEAD_SIZE, MLP_WIDTH, ROWS = 24, 2, 4, 2, 8, 40, 300

# As Qwen publishes it: transformers 4 wrote rope_theta and rope_scaling.
CONFIG: dict[str, Any] = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "attention_bias": False,
    "head_dim": HEAD_SIZE,
    "hidden_act": "silu",
    "hidden_size": WIDTH,
    "intermediate_size": MLP_WIDTH,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": KV_HEADS,
    "rms_norm_eps": 1e-5,
    "rope_scaling": None,
    "rope_theta": 5000,
    "tie_word_embeddings": True,
    "use_sliding_window": False,
    "vocab_size": ROWS,
}


def tensors_of_qwen3() -> dict[str, Tensor]:
    """All tensors of a tied checkpoint of `CONFIG`."""
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (ROWS, WIDTH), "model.norm.weight": (WIDTH,)}
    for layer in range(LAYERS):
        block = {
            "input_layernorm": (WIDTH,),
            "post_attention_layernorm": (WIDTH,),
            "self_attn.q_proj": (HEADS * HEAD_SIZE, WIDTH),
            "self_attn.k_proj": (KV_HEADS * HEAD_SIZE, WIDTH),
            "self_attn.v_proj": (KV_HEADS * HEAD_SIZE, WIDTH),
            "self_attn.o_proj": (WIDTH, HEADS * HEAD_SIZE),
            "self_attn.q_norm": (HEAD_SIZE,),
            "self_attn.k_norm": (HEAD_SIZE,),
            "mlp.gate_proj": (MLP_WIDTH, WIDTH),
            "mlp.up_proj": (MLP_WIDTH, WIDTH),
            "mlp.down_proj": (WIDTH, MLP_WIDTH),
        }
        shapes |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in block.items()}
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def write_by_hand(folder: Path, **changes: object) -> Path:
    """A tied checkpoint; `changes` are of its config.json."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    save_file(tensors_of_qwen3(), folder / "model.safetensors")
    return folder


def write_in_shards(folder: Path) -> Path:
    """The same in two shards and their index."""
    write_by_hand(folder)
    (folder / "model.safetensors").unlink()
    names = sorted(tensors_of_qwen3())
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, half in halves.items():
        save_file({name: tensors_of_qwen3()[name] for name in half}, folder / file)
    weight_map = {name: file for file, half in halves.items() for name in half}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def write_with_transformers(folder: Path, *, tied: bool, sharded: bool, dtype: torch.dtype = torch.float32) -> Any:
    """A checkpoint as the library saves it, and its model."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    sizes = {
        name: value for name, value in CONFIG.items() if name not in ("architectures", "rope_scaling", "rope_theta")
    }
    rope = {"rope_type": "default", "rope_theta": 5000.0}
    model: Any = Qwen3ForCausalLM(Qwen3Config(**sizes | {"rope_parameters": rope, "tie_word_embeddings": tied}))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Norms start at one, where a forgotten one would not show; the rest starts too small to matter.
            parameter.copy_(1 + torch.randn_like(parameter) / 4 if "norm" in name else torch.randn_like(parameter) / 4)
    model.to(dtype).save_pretrained(folder, max_shard_size="20KB" if sharded else "1GB")
    return model.eval()


def write_tokenizer(folder: Path) -> Path:
    """Byte-level BPE as Qwen3's tokenizer.json: all bytes, some merges, and after them tokens that are no text."""
    from tokenizers.pre_tokenizers import ByteLevel

    merges = [["Ġ", "a"], ["t", "h"], ["Ġ", "th"], ["Ġth", "e"]]
    texts = [*sorted(ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [
        {"id": len(texts) + i, "content": f"<|{name}|>", **plain} for i, name in enumerate(("endoftext", "im_end"))
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    vocabulary = {text: token for token, text in enumerate(texts)}
    content = {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": byte_level,
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    }
    (folder / "tokenizer.json").write_text(json.dumps(content))
    return folder
