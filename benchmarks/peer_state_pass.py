"""Passes of the engine's backbone and of transformers' Qwen3 with a static cache: the same weights, slots and tokens.

Shape letters: B batch, T tokens, H heads, K key-value heads, N slots, S head size, D width.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from wan_streamer.engine.kv import KvCache
from wan_streamer.model.config import BackboneConfig, ModelConfig
from wan_streamer.model.layout import LATENT_KINDS, USER_KINDS, Kind
from wan_streamer.model.presets import nano, v0_1
from wan_streamer.model.rope import Rotation
from wan_streamer.model.transformer import Attend, Transformer
from wan_streamer.model.wan_streamer import WanStreamer

# Of Qwen3-0.6B's 28 layers, which are all alike.
LARGE_LAYERS = 4


def shapes() -> dict[str, ModelConfig]:
    """nano, and its tokens and windows around some layers of Qwen3-0.6B's shape."""
    small = nano()
    large = dataclasses.replace(
        v0_1().backbone, layer_count=LARGE_LAYERS, vocabulary_size=small.backbone.vocabulary_size
    )
    return {
        "nano's 8 layers (width 256)": small,
        f"{LARGE_LAYERS} layers of Qwen3-0.6B (width 1024)": dataclasses.replace(small, backbone=large),
    }


Place = tuple[Rotation, Attend]
TEXT = (Kind.AGENT_TEXT,)


class OurPasses:
    """The thinker's state pass and text passes, as it runs them, in a conversation whose windows are full."""

    def __init__(self, model: WanStreamer, *, first_unit: int) -> None:
        self.model = model
        self.cache = KvCache(model)
        self.unit_index = 0
        self._plain = model.no_modulation()
        offsets, words = model.layout.offsets_T3(), range(model.config.max_text_tokens)
        self._places = {
            kinds: self.cache.place(kinds, [(kinds[0], index) for index in words], offsets[model.layout.slice(*kinds)])
            for kinds in (USER_KINDS, TEXT, LATENT_KINDS)
        }
        for _ in range(first_unit):
            self.next_unit()

    def next_unit(self) -> None:
        """A unit without a pass: its tokens take their places."""
        for kinds, place in self._places.items():
            self.cache.move(place, self.unit_index)
            self.cache.commit(kinds, self.unit_index)
        self.unit_index += 1

    def of_user(self) -> Place:
        """For the user's tokens, which see each other; each time of another unit, so that the sink is turned."""
        self.unit_index ^= 1
        return self._moved(USER_KINDS, slice(None))

    def of_word(self, index: int) -> Place:
        """For the token `index` of a unit's text."""
        return self._moved(TEXT, slice(index, index + 1), index)

    def forward(self, x_BTD: Tensor, place: Place) -> Tensor:
        """Contexts of a pass."""
        rotation, attend = place
        return self.model.transformer(x_BTD, rotation, self._plain, attend)

    def attention(self, attend: Attend, q_BTHS: Tensor, k_BTKS: Tensor, v_BTKS: Tensor) -> None:
        """Writing keys and values and attending, in all layers."""
        for layer in range(self.model.config.backbone.layer_count):
            attend(layer, q_BTHS, k_BTKS, v_BTKS)

    def products(self, x_BTD: Tensor, mixed: Tensor, hidden: Tensor) -> None:
        """The matrix products, in all layers."""
        for block in self.model.transformer.blocks:
            block.attention.qkv(x_BTD)
            block.attention.out(mixed)
            block.mlp.gate_up(x_BTD)
            block.mlp.down(hidden)

    def _moved(self, kinds: tuple[Kind, ...], tokens: slice, query: int = 0) -> Place:
        place = self._places[kinds]
        self.cache.move(place, self.unit_index)
        return place.turned(tokens), self.cache.attention(place, tokens, query)


class Qwen3Passes:
    """transformers' Qwen3Model over a StaticCache of as many slots, sharing the weights of our backbone."""

    def __init__(self, transformer: Transformer, slots: int) -> None:
        from transformers import Qwen3Model, StaticCache

        self.model: Any = Qwen3Model(_qwen3_config(transformer.config, slots)).eval().requires_grad_(False)
        _share_weights(transformer, self.model)
        self.cache: Any = StaticCache(config=self.model.config, max_cache_len=slots)

    def forward(self, x_BTD: Tensor, *, slot: int, position: int) -> Tensor:
        """Tokens that take the slots from `slot` on and see all before them, at positions from `position` on."""
        result = self.model(
            inputs_embeds=x_BTD,
            position_ids=self._positions(x_BTD, slot, position),
            past_key_values=self.cache,
            use_cache=True,
        )
        context: Tensor = result.last_hidden_state
        return context

    def place(self, x_BTD: Tensor, slot: int) -> None:
        """RoPE and mask of a pass, as the model makes them."""
        from transformers.masking_utils import create_causal_mask

        positions = self._positions(x_BTD, slot, slot)
        create_causal_mask(
            config=self.model.config,
            inputs_embeds=x_BTD,
            attention_mask=None,
            past_key_values=self.cache,
            position_ids=positions,
        )
        self.model.rotary_emb(x_BTD, positions)

    def attention(self, q_BTHS: Tensor, k_BTKS: Tensor, v_BTKS: Tensor, mask_11TN: Tensor) -> None:
        """Writing keys and values and attending, in all layers."""
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        q, k, v = (x.transpose(1, 2) for x in (q_BTHS, k_BTKS, v_BTKS))
        for index, layer in enumerate(self.model.layers):
            self.cache.layers[index].cumulative_length.fill_(mask_11TN.shape[3] - q.shape[2])
            keys, values = self.cache.update(k, v, index)
            sdpa_attention_forward(layer.self_attn, q, keys, values, mask_11TN, scaling=layer.self_attn.scaling)

    def products(self, x_BTD: Tensor, mixed: Tensor, hidden: Tensor) -> None:
        """The matrix products, in all layers."""
        for layer in self.model.layers:
            attention, mlp = layer.self_attn, layer.mlp
            for product in (attention.q_proj, attention.k_proj, attention.v_proj, mlp.gate_proj, mlp.up_proj):
                product(x_BTD)
            attention.o_proj(mixed)
            mlp.down_proj(hidden)

    def _positions(self, x_BTD: Tensor, slot: int, position: int) -> Tensor:
        for layer in self.cache.layers:
            if layer.is_initialized:
                layer.cumulative_length.fill_(slot)
        return torch.arange(position, position + x_BTD.shape[1])[None]


def operators(call: Any) -> int:
    """How many of torch's operators a call runs."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counter(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.count += 1
            return func(*args, **(kwargs or {}))

    with Counter() as counter:
        call()
    return counter.count


def _qwen3_config(backbone: BackboneConfig, slots: int) -> Any:
    from transformers import Qwen3Config

    return Qwen3Config(
        vocab_size=1,
        hidden_size=backbone.width,
        intermediate_size=backbone.mlp_width,
        num_hidden_layers=backbone.layer_count,
        num_attention_heads=backbone.head_count,
        num_key_value_heads=backbone.kv_head_count,
        head_dim=backbone.head_size,
        rms_norm_eps=backbone.norm_epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": backbone.rope_theta},
        max_position_embeddings=4 * slots,
        attn_implementation="sdpa",
    )


def _share_weights(ours: Transformer, theirs: Any) -> None:
    """Gives theirs the memory of ours, so that both read the same bytes."""
    c = ours.config
    queries, keys = c.head_count * c.head_size, c.kv_head_count * c.head_size
    pairs = [(theirs.norm, ours.norm.weight)]
    for block, layer in zip(ours.blocks, theirs.layers, strict=True):
        attention, mlp = layer.self_attn, layer.mlp
        q, k, v = block.attention.qkv.weight.split([queries, keys, keys])
        gate, up = block.mlp.gate_up.weight.chunk(2)
        pairs += [(attention.q_proj, q), (attention.k_proj, k), (attention.v_proj, v)]
        pairs += [(attention.o_proj, block.attention.out.weight), (mlp.gate_proj, gate), (mlp.up_proj, up)]
        pairs += [(mlp.down_proj, block.mlp.down.weight), (layer.input_layernorm, block.attention_norm.weight)]
        pairs += [(layer.post_attention_layernorm, block.mlp_norm.weight)]
        pairs += [(attention.q_norm, block.attention.q_norm.weight), (attention.k_norm, block.attention.k_norm.weight)]
    for module, weight in pairs:
        module.weight = nn.Parameter(weight.detach(), requires_grad=False)


def pairs(ours: OurPasses, theirs: Qwen3Passes) -> Iterator[tuple[str, int, tuple[Any, Any]]]:
    """What is compared: its name, how many tokens it is for, and both calls."""
    user_tokens = sum(ours.model.layout.counts[kind] for kind in USER_KINDS)
    for name, count, place in (
        ("state pass", user_tokens, ours.of_user),
        ("text token", 1, lambda: ours.of_word(0)),
    ):
        for part, both in _pairs_of(ours, theirs, count, place).items():
            yield f"{name}{part}", count, both


def _pairs_of(
    ours: OurPasses, theirs: Qwen3Passes, count: int, place: Callable[[], Place]
) -> dict[str, tuple[Any, Any]]:
    c, slots = ours.model.config.backbone, ours.cache.slot_count
    first = slots - count
    x, mixed = torch.randn(1, count, c.width), torch.randn(1, count, c.head_count * c.head_size)
    hidden = torch.randn(1, count, c.mlp_width)
    heads = (c.head_count, c.kv_head_count, c.kv_head_count)
    qkv = [torch.randn(1, count, number, c.head_size) for number in heads]
    mask = (torch.arange(slots) <= torch.arange(first, slots)[:, None])[None, None]
    _, attend = place()
    return {
        "": (lambda: ours.forward(x, place()), lambda: theirs.forward(x, slot=first, position=first)),
        ": RoPE and mask": (place, lambda: theirs.place(x, first)),
        ": cache and attention": (lambda: ours.attention(attend, *qkv), lambda: theirs.attention(*qkv, mask)),
        ": matrix products": (
            lambda: ours.products(x, mixed, hidden),
            lambda: theirs.products(x, mixed, hidden),
        ),
    }
