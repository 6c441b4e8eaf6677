"""What a model costs to serve, from its configuration alone: nothing is computed, no weight has memory.

Sizes are read off the engine's own objects on the meta device, so that they cannot drift from what serves.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from wan_streamer.engine.gpu import Gpu
from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.latent_pass import LatentPass, UnitLatents
from wan_streamer.engine.number_type import media_parts, media_stream, number_type_of, serve_in
from wan_streamer.engine.order import Process
from wan_streamer.engine.unit_passes import Pass, byte_count, unit_passes
from wan_streamer.engine.unit_words import HEARD_KINDS, TokenPass, UnitWords
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.layout import Kind
from wan_streamer.model.presets import nano
from wan_streamer.model.vocabulary import Vocabulary
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.unit import UNIT_MS

UNITS_PER_MINUTE = 60_000 / UNIT_MS


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How many there are: of the blocks with their modulation, of what stands before and behind them, of the codecs."""

    backbone: int
    embeddings: int
    codecs: int

    @property
    def together(self) -> int:
        return self.backbone + self.embeddings + self.codecs


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What serving one session of a model costs.

    Attributes:
        number_type: of weights, keys and values: "float32" or "bfloat16".
        tokens: of a unit by kind; so many agent text at most.
        slots: tokens that one cache holds, thinker and performer one each.
        kv_token_bytes: keys and values of one token, all layers.
        slice_bytes: what the thinker sends the performer for a unit, at most.
        session_bytes: what a session allocates when it opens, by process; it never grows. Weights and what a pass needs
            while it runs come on top.
    """

    name: str
    number_type: str
    parameters: Parameters
    tokens: Mapping[Kind, int]
    passes: tuple[Pass, ...]
    slots: int
    kv_token_bytes: int
    slice_bytes: int
    session_bytes: Mapping[Process, int]

    @property
    def token_count(self) -> int:
        """Tokens of a unit."""
        return sum(self.tokens.values())

    @property
    def kv_unit_bytes(self) -> int:
        """Keys and values that a unit adds."""
        return self.kv_token_bytes * self.token_count

    @property
    def kv_minute_bytes(self) -> float:
        """Keys and values that a minute adds; the windows let most of them go."""
        return self.kv_unit_bytes * UNITS_PER_MINUTE

    @property
    def kv_cache_bytes(self) -> int:
        """Keys and values of one full cache."""
        return self.kv_token_bytes * self.slots

    def passes_named(self, name: str) -> int:
        """How many passes of this name a unit has, at most."""
        return sum(each.count for each in self.passes if each.name == name)

    def unit_flop(self, process: Process) -> int:
        """Operations of a process for a unit."""
        return sum(each.count * each.flop for each in self.passes if each.process == process)

    @property
    def minute_flop(self) -> float:
        """Operations of both processes."""
        return (self.unit_flop("thinker") + self.unit_flop("performer")) * UNITS_PER_MINUTE

    def floor_ms(self, process: Process, gpu: Gpu) -> float:
        """The least time a process can take for a unit: if its GPU did nothing but its passes, one by one."""
        return sum(each.floor_ms(gpu) for each in self.passes if each.process == process)

    def answer_floor_ms(self, gpu: Gpu) -> float:
        """The least time from a user unit to the decoded answer, without the way between the processes."""
        return sum(each.floor_ms(gpu) for each in self.passes if each.answers)


def budget_of(config: ModelConfig) -> Budget:
    """The budget of any configuration: a preset's, that of weights, or one of your own."""
    model = meta_model(config)
    cache = KvCache(model)
    latents = UnitLatents(LatentPass(model), cache)
    # Which of the tokens are LISTEN and END takes no memory.
    words = UnitWords(TokenPass(model, Vocabulary((), listen=0, end=0)), cache, may_read=False)
    performer_bytes = byte_count((*cache.tensors, *latents.tensors))
    stream_bytes = byte_count(state.past for _, state in media_stream(model).states)
    return Budget(
        name=config.name,
        number_type=number_type_of(model.layer_modulation.dtype),
        parameters=parameters_of(model),
        tokens={kind: model.layout.counts[kind] for kind in Kind},
        passes=unit_passes(model, cache),
        slots=cache.slot_count,
        kv_token_bytes=cache.byte_count // cache.slot_count,
        slice_bytes=byte_count(cache.staged(kind, 0, model.layout.counts[kind]) for kind in HEARD_KINDS),
        session_bytes={
            "thinker": performer_bytes + byte_count(words.tensors) + stream_bytes,
            "performer": performer_bytes,
        },
    )


def meta_model(config: ModelConfig) -> WanStreamer:
    """The model without memory, in the numbers it would be served in: up to nano's width in float32 on processors,
    larger ones in bfloat16 on GPUs, all but codecs and encoders, whose Fourier transforms do not know it.
    """
    with torch.device("meta"):
        model = WanStreamer(config).eval().requires_grad_(False)
    if config.backbone.width > nano().backbone.width:
        serve_in(model, "bfloat16")
    return model


def parameters_of(model: WanStreamer) -> Parameters:
    """How many parameters each part of a model has."""
    codecs = _count(*media_parts(model))
    backbone = _count(model.transformer, model.tau_mlp) + model.layer_modulation.numel()
    return Parameters(backbone=backbone, embeddings=_count(model) - backbone - codecs, codecs=codecs)


def _count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())
