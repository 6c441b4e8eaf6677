"""What is no Qwen3 checkpoint, or not a whole one, is refused in words before anything is computed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.support.qwen3 import tensors_of_qwen3, write_by_hand, write_in_shards
from wan_streamer.errors import InvalidInput
from wan_streamer.model.qwen3 import Qwen3Checkpoint

Q_PROJ = "model.layers.1.self_attn.q_proj.weight"
YARN = {"rope_type": "yarn", "rope_theta": 5000.0, "factor": 4.0}


def refusal(folder: Path) -> InvalidInput:
    """The error of opening it and reading all of it; its message names the folder."""
    with pytest.raises(InvalidInput) as found:
        list(Qwen3Checkpoint(folder).tensors())
    assert str(found.value).startswith(f"got {folder}")
    assert "expected" in str(found.value)
    assert "; " in str(found.value)
    return found.value


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}, "a bias and no norm"),
        ({"model_type": "qwen3_moe"}, "'qwen3_moe', expected 'qwen3', dense"),
        ({"model_type": "llama"}, "'llama'"),
        ({"model_type": None}, "None"),
        ({"attention_bias": True}, "attention_bias"),
        ({"hidden_act": "gelu"}, "gelu"),
        ({"quantization_config": {"quant_method": "fp8"}}, "fp8"),
        ({"use_sliding_window": True}, "use_sliding_window"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "sliding_attention"),
        ({"rope_parameters": YARN}, "yarn"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "linear"),
    ],
)
def test_another_architecture_is_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    """Other model types, and what Qwen3 may have but our blocks do not, are named."""
    error = refusal(write_by_hand(tmp_path / "checkpoint", **changes))
    assert error.reason == "CHECKPOINT_KIND"
    assert words in str(error)


def test_a_qwen2_checkpoint_is_told_what_would_take_it(tmp_path: Path) -> None:
    """Qwen2.5-0.5B's own sizes as our configuration, and what that does not have."""
    sizes = {"hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2}
    more = {"intermediate_size": 4864, "vocab_size": 151_936, "model_type": "qwen2"}
    error = refusal(write_by_hand(tmp_path / "checkpoint", **sizes, **more))
    assert (
        "BackboneConfig(width=896, layer_count=24, head_count=14, kv_head_count=2, head_size=64, mlp_width=4864, "
        "vocabulary_size=151936) with these two as choices"
    ) in str(error)


@pytest.mark.parametrize(
    "changes",
    [{"hidden_size": None}, {"head_dim": "wide"}, {"num_key_value_heads": 0}, {"head_dim": 7}, {"rope_theta": None},
     {"num_key_value_heads": 3}],
)  # fmt: skip
def test_impossible_sizes_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    """A size that is missing, no number, zero, or does not go with the others."""
    error = refusal(write_by_hand(tmp_path / "checkpoint", **changes))
    assert error.reason == "CHECKPOINT"
    assert "config.json with wrong sizes" in str(error)


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def no_object(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def no_tensors(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_off(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def empty(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def save(folder: Path, **changes: torch.Tensor) -> None:
    save_file(tensors_of_qwen3() | changes, folder / "model.safetensors")


def tensor_missing(folder: Path) -> None:
    tensors = tensors_of_qwen3()
    del tensors[Q_PROJ]
    save_file(tensors, folder / "model.safetensors")


def untied_without_head(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (no_config, "config.json that cannot be read"),
        (no_json, "config.json that cannot be read"),
        (no_object, "config.json that holds no JSON object"),
        (no_tensors, "without model.safetensors and without model.safetensors.index.json"),
        (cut_off, "model.safetensors that is no whole safetensors file"),
        (empty, "model.safetensors that is no whole safetensors file"),
        (tensor_missing, f"without the tensor {Q_PROJ}"),
        (untied_without_head, "without the tensor lm_head.weight"),
        (lambda folder: save(folder, **{Q_PROJ: torch.zeros(24, 24)}), "has the shape (24, 24) and not (32, 24)"),
        (lambda folder: save(folder, **{Q_PROJ: torch.full((32, 24), torch.nan)}), "other than finite numbers"),
        (lambda folder: save(folder, **{Q_PROJ: torch.zeros(32, 24, dtype=torch.int8)}), "torch.int8"),
    ],
)
def test_what_is_not_whole_is_refused(tmp_path: Path, damage: Callable[[Path], None], words: str) -> None:
    """A file or tensor that is missing, cut off, of another shape or not of numbers is named."""
    folder = write_by_hand(tmp_path / "checkpoint")
    damage(folder)
    error = refusal(folder)
    assert error.reason == "CHECKPOINT"
    assert words in str(error)


def test_more_than_qwen3_is_refused(tmp_path: Path) -> None:
    """A bias that would be left out is named; a tied checkpoint's own copy of the head is no mistake."""
    folder = write_by_hand(tmp_path / "checkpoint")
    save(folder, **{"lm_head.weight": tensors_of_qwen3()["model.embed_tokens.weight"].clone()})
    assert len(list(Qwen3Checkpoint(folder).tensors())) == len(Qwen3Checkpoint(folder).names)
    save(folder, **{"model.layers.0.self_attn.q_proj.bias": torch.zeros(32)})
    error = refusal(folder)
    assert "1 tensors that Qwen3 has not (model.layers.0.self_attn.q_proj.bias)" in str(error)


def shard_missing(folder: Path) -> None:
    (folder / "model-00002-of-00002.safetensors").unlink()


def shard_cut_off(folder: Path) -> None:
    path = folder / "model-00002-of-00002.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def shard_of_another(folder: Path) -> None:
    path = folder / "model-00002-of-00002.safetensors"
    path.write_bytes((folder / "model-00001-of-00002.safetensors").read_bytes())


def index_damaged(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": ')


def index_empty(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text("{}")


def index_leads_out(folder: Path) -> None:
    outside = folder.parent / "other.safetensors"
    (folder / "model-00002-of-00002.safetensors").rename(outside)
    index = folder / "model.safetensors.index.json"
    index.write_text(index.read_text().replace("model-00002-of-00002", "../other"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (shard_missing, "index.json that names 'model-00002-of-00002.safetensors', which is no file beside it"),
        (shard_cut_off, "model-00002-of-00002.safetensors that is no whole safetensors file"),
        (shard_of_another, "without the tensor model."),
        (index_damaged, "index.json that cannot be read"),
        (index_empty, "index.json without a weight_map"),
        (index_leads_out, "that names '../other.safetensors'"),
    ],
)
def test_shards_that_are_not_whole_are_refused(tmp_path: Path, damage: Callable[[Path], None], words: str) -> None:
    """The shard or index that is wrong is named, and an index leads to no file outside its folder."""
    folder = write_in_shards(tmp_path / "checkpoint")
    assert len(list(Qwen3Checkpoint(folder).tensors())) == len(Qwen3Checkpoint(folder).names)
    damage(folder)
    error = refusal(folder)
    assert error.reason == "CHECKPOINT"
    assert words in str(error)
