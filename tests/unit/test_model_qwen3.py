"""The backbone from a Qwen3 checkpoint computes what transformers computes, and all that is new leaves it alone."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support import qwen3
from tests.support.tiny import tiny_config
from wan_streamer.model.attention import WholeAttention
from wan_streamer.model.config import HistoryConfig, ModelConfig
from wan_streamer.model.layout import POSITIONS_PER_UNIT, Kind
from wan_streamer.model.mask import Tokens, may_attend
from wan_streamer.model.model_weights import fill_trained, trained_tensors
from wan_streamer.model.presets import untrained, v0_1, v0_1_1b7, v0_2, v0_2_1b7
from wan_streamer.model.qwen3 import Qwen3Checkpoint, backbone_of, new_tensors
from wan_streamer.model.wan_streamer import WanStreamer

UNITS = 8
LONG = HistoryConfig(
    sink_units=1, user_video_units=9, user_audio_units=9, agent_text_units=9, agent_audio_units=9, agent_video_units=9
)  # fmt: skip


def model_of(folder: Path, *, words_a_unit: int) -> WanStreamer:
    """A whole model, with the new tensors that `init` would give it."""
    checkpoint = Qwen3Checkpoint(folder)
    base = dataclasses.replace(tiny_config(history=LONG), max_text_tokens=words_a_unit)
    config = dataclasses.replace(base, backbone=checkpoint.backbone)
    model = untrained(config, 1)
    fill_trained(model, new_tensors(config, 0, torch.float32) | dict(checkpoint.tensors()))
    return model


def text_tokens(config: ModelConfig) -> Tokens:
    count = config.max_text_tokens
    units = torch.arange(UNITS).repeat_interleave(count)
    return Tokens.clean(units, torch.full_like(units, Kind.AGENT_TEXT), torch.arange(count).repeat(UNITS))


def text_positions(model: WanStreamer) -> Tensor:
    offsets = model.layout.offsets_T3()[model.layout.slice(Kind.AGENT_TEXT)]
    starts = torch.arange(UNITS).repeat_interleave(len(offsets)) * POSITIONS_PER_UNIT
    return offsets.repeat(UNITS, 1) + starts[:, None]


@torch.no_grad()
def logits_of(model: WanStreamer, words_BT: Tensor, modulation: Tensor | None = None) -> Tensor:
    """Of a sequence of words alone, at the places and with the mask that they have in a conversation."""
    tokens = text_tokens(model.config)
    attend = WholeAttention(may_attend(tokens, tokens, lag=model.config.lag, history=model.config.history))
    rotation = model.rotation(text_positions(model))
    plain = model.no_modulation() if modulation is None else modulation
    logits: Tensor = model.text_head(model.transformer(model.embed_text(words_BT), rotation, plain, attend))
    return logits


@pytest.mark.parametrize(("tied", "sharded"), [(True, True), (True, False), (False, True), (False, False)])
def test_logits_equal_those_of_transformers(tmp_path: Path, tied: bool, sharded: bool) -> None:
    """Four words a unit fill its four positions: the logits of a text are Qwen3ForCausalLM's to 1e-4 in float32."""
    pytest.importorskip("transformers")
    theirs = qwen3.write_with_transformers(tmp_path, tied=tied, sharded=sharded)
    assert (tmp_path / "model.safetensors").is_file() != sharded
    ours = model_of(tmp_path, words_a_unit=4)
    words = torch.randint(qwen3.ROWS, (3, UNITS * 4), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = theirs(words).logits
    assert expected.std() > 1
    torch.testing.assert_close(logits_of(ours, words), expected, atol=1e-4, rtol=0)


def test_fewer_words_a_unit_leave_gaps_and_nothing_else(tmp_path: Path) -> None:
    """With two words a unit the logits are those of transformers at the positions 0, 1, 4, 5, 8 ..."""
    pytest.importorskip("transformers")
    theirs = qwen3.write_with_transformers(tmp_path, tied=True, sharded=False)
    ours = model_of(tmp_path, words_a_unit=2)
    words = torch.randint(qwen3.ROWS, (1, UNITS * 2), generator=torch.Generator().manual_seed(1))
    positions = text_positions(ours)[:, 0]
    assert positions[:5].tolist() == [0, 1, 4, 5, 8]
    with torch.no_grad():
        expected = theirs(words, position_ids=positions[None]).logits
    torch.testing.assert_close(logits_of(ours, words), expected, atol=1e-4, rtol=0)


def test_what_is_new_leaves_the_text_model_alone(tmp_path: Path) -> None:
    """Words have no kind embedding and a noise level modulates nothing: logits are the same with it, bit for bit."""
    ours = model_of(qwen3.write_by_hand(tmp_path / "checkpoint"), words_a_unit=4)
    kinds = ours.kind_embedding.weight.abs().sum(1)
    assert [kind.item() == 0 for kind in kinds] == [kind == Kind.AGENT_TEXT for kind in Kind]
    words = torch.arange(UNITS * 4)[None]
    levels = ours.modulation(torch.linspace(0, 1, UNITS * 4)[None])
    assert levels.shape[2:] == (1, UNITS * 4, qwen3.WIDTH)
    assert torch.equal(logits_of(ours, words, levels), logits_of(ours, words))


def test_every_trained_tensor_is_either_taken_or_new(tmp_path: Path) -> None:
    """What the checkpoint fills and what is new are together all that is trained, in its shapes, and share nothing."""
    checkpoint = Qwen3Checkpoint(qwen3.write_by_hand(tmp_path / "checkpoint"))
    config = dataclasses.replace(tiny_config(), backbone=checkpoint.backbone)
    taken, new = dict(checkpoint.tensors()), new_tensors(config, 0, torch.float32)
    assert not taken.keys() & new.keys()
    expected = {name: tensor.shape for name, tensor in trained_tensors(untrained(config, 0)).items()}
    assert {name: tensor.shape for name, tensor in (taken | new).items()} == expected
    assert list(taken) == checkpoint.names
    same = new_tensors(config, 0, torch.float32)
    assert all(torch.equal(tensor, same[name]) for name, tensor in new.items())
    assert not torch.equal(new_tensors(config, 1, torch.float32)["audio_in.weight"], new["audio_in.weight"])


def test_bfloat16_comes_bit_for_bit(tmp_path: Path) -> None:
    """A bfloat16 checkpoint stays what it is, and a tied head is a copy of its own."""
    pytest.importorskip("transformers")
    theirs = qwen3.write_with_transformers(tmp_path, tied=True, sharded=True, dtype=torch.bfloat16)
    taken = dict(Qwen3Checkpoint(tmp_path).tensors())
    assert {tensor.dtype for tensor in taken.values()} == {torch.bfloat16}
    embedding, head = taken["text_embedding.weight"], taken["text_head.weight"]
    assert torch.equal(embedding, theirs.model.embed_tokens.weight)
    assert torch.equal(embedding, head)
    assert embedding.data_ptr() != head.data_ptr()
    gate = theirs.model.layers[1].mlp.gate_proj.weight
    assert torch.equal(taken["transformer.blocks.1.mlp.gate_up.weight"][: qwen3.MLP_WIDTH], gate)


def test_both_spellings_of_rope_are_read(tmp_path: Path) -> None:
    """transformers 4 wrote rope_theta, 5 writes rope_parameters: the same backbone either way."""
    old = qwen3.write_by_hand(tmp_path / "old")
    rope = {"rope_type": "default", "rope_theta": 5000.0}
    new = qwen3.write_by_hand(tmp_path / "new", rope_theta=None, rope_parameters=rope)
    assert Qwen3Checkpoint(old).backbone == Qwen3Checkpoint(new).backbone
    assert Qwen3Checkpoint(old).backbone.rope_theta == 5000.0
    assert Qwen3Checkpoint(old).backbone.norm_epsilon == 1e-5


def test_published_sizes_are_those_of_the_large_presets(tmp_path: Path) -> None:
    """The config.json of Qwen3-0.6B gives the backbone of v0_1 and v0_2, that of Qwen3-1.7B the larger ones'."""
    small = {
        "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8,
        "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151_936, "rope_theta": 1_000_000,
        "rms_norm_eps": 1e-6,
    }  # fmt: skip
    large = small | {"hidden_size": 2048, "intermediate_size": 6144}
    assert backbone_of(small, tmp_path) == v0_1().backbone == v0_2().backbone
    assert backbone_of(large, tmp_path) == v0_1_1b7().backbone == v0_2_1b7().backbone
