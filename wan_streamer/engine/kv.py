"""The key-value cache of one session: preallocated, a sink of whole units and a ring of units for each kind of token.

Shape letters: L layers, K key-value heads, N slots, S head size, T tokens.

A unit is staged first: its keys and values are written where the ring will hold them, over a unit that no query can see
any more. `commit` makes them history, `discard` leaves the slots empty; neither copies. The thinker commits its two
parts (user and text when it has thought, latents when they have arrived) one after the other.

Keys are cached with RoPE applied at absolute positions. RoPE sees only differences, so this equals keys that are turned
again whenever the window slides, without turning them again. Only the sink's keys, whose distance to the newest unit is
held constant once the windows are full, are turned on from their originals.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from wan_streamer.engine.kv_state import KvState
from wan_streamer.engine.rings import rings_of
from wan_streamer.engine.unit_place import CacheAttention, UnitPlace
from wan_streamer.model.layout import POSITIONS_PER_UNIT, Kind
from wan_streamer.model.mask import EMPTY, Tokens, may_attend, window_units
from wan_streamer.model.rope import Rotation, turn
from wan_streamer.model.wan_streamer import WanStreamer


class KvCache:
    """History of one session on one rank.

    Args:
        kv_head_count: how many of the model's key-value heads the rank has; all of them when absent.
    """

    def __init__(self, model: WanStreamer, *, kv_head_count: int | None = None) -> None:
        config, layout, like = model.config, model.layout, model.layer_modulation
        backbone, history = config.backbone, config.history
        windows = window_units(history, torch.device("cpu")).tolist()
        self._model = model
        self._sink_end = history.sink_units * layout.token_count
        self._rings = rings_of(layout.counts, windows, self._sink_end, config.lag)
        self._committed_units = [0] * len(self._rings)
        self._bound_units = history.sink_units + max(windows)
        self._sink_shift_units = 0

        slots = self._rings[-1].end
        shape = (backbone.layer_count, 2, kv_head_count or backbone.kv_head_count, slots, backbone.head_size)
        self.keys_values = torch.zeros(shape, dtype=like.dtype, device=like.device)
        self._sink_keys = self.keys_values[:, 0, :, : self._sink_end].clone()
        ring_kinds = [torch.full((ring.end - ring.start,), kind) for kind, ring in enumerate(self._rings)]
        ring_indices = [torch.arange(ring.end - ring.start) % ring.count for ring in self._rings]
        self._units_N = torch.full((slots,), EMPTY, device=like.device)
        self._kinds_N = torch.cat([layout.kinds_T().repeat(history.sink_units), *ring_kinds]).to(like.device)
        self._indices_N = torch.cat([layout.indices_T().repeat(history.sink_units), *ring_indices]).to(like.device)

    @property
    def slot_count(self) -> int:
        """Tokens that a pass attends over, full or not."""
        return self._units_N.shape[0]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All memory of the cache."""
        return (self.keys_values, self._sink_keys, self._units_N, self._kinds_N, self._indices_N)

    @property
    def byte_count(self) -> int:
        """Memory of keys and values."""
        return self.keys_values.numel() * self.keys_values.element_size()

    def slots(self, kind: Kind, unit_index: int) -> slice:
        """Where the tokens of a kind stand for the unit that is staged or about to be."""
        ring = self._rings[kind]
        if unit_index < self._model.config.history.sink_units:
            start = unit_index * self._model.layout.token_count + self._model.layout.slice(kind).start
        else:
            start = ring.start + self._committed_units[kind] % ring.units * ring.count
        return slice(start, start + ring.count)

    def stage(self, kind: Kind, unit_index: int, keys_values_L2KTS: Tensor) -> None:
        """Writes the first tokens of a kind, computed elsewhere, for all layers."""
        self.keys_values[:, :, :, self._mark(kind, unit_index, keys_values_L2KTS.shape[3])] = keys_values_L2KTS

    def staged(self, kind: Kind, unit_index: int, count: int) -> Tensor:
        """Keys and values of the first `count` staged tokens of a kind, [L, 2, K, T, S]."""
        return self.keys_values[:, :, :, self.slots(kind, unit_index)][:, :, :, :count]

    def place(self, kinds: tuple[Kind, ...], queries: Sequence[tuple[Kind, int]], offsets_T3: Tensor) -> UnitPlace:
        """Memory for the place of neighbouring kinds of a unit; `move` fills it.

        Args:
            queries: kind and index of the tokens whose view of the cache the passes have.
            offsets_T3: positions inside the unit of the tokens that the passes compute.
        """
        counts, device = self._model.layout.counts, self._units_N.device
        half_head = self.keys_values.shape[-1] // 2
        cos, sin = (self.keys_values.new_zeros(offsets_T3.shape[0], half_head) for _ in range(2))
        return UnitPlace(
            kinds=kinds,
            offsets_T3=offsets_T3,
            rotation=Rotation(cos, sin),
            slots_T=torch.zeros(sum(counts[kind] for kind in kinds), dtype=torch.int64, device=device),
            queries_2Q=torch.tensor(queries).T.contiguous().to(device),
            bias_QN=self.keys_values.new_zeros(len(queries), self.slot_count),
        )

    def move(self, place: UnitPlace, unit_index: int) -> None:
        """Makes a place that of a unit, without waiting for a GPU: its tokens stand in their slots from now on, what
        stood there is evicted."""
        start = 0
        for kind in place.kinds:
            at = self._mark(kind, unit_index, self._rings[kind].count)
            end = start + at.stop - at.start
            torch.arange(at.start, at.stop, out=place.slots_T[start:end])
            start = end
        self._turn_sink(unit_index)
        rotation = self._model.rotation(place.offsets_T3 + unit_index * POSITIONS_PER_UNIT)
        place.rotation.cos.copy_(rotation.cos)
        place.rotation.sin.copy_(rotation.sin)
        place.bias_QN.fill_(float("-inf")).masked_fill_(self._visible_QN(place.queries_2Q, unit_index), 0)

    def attention(self, place: UnitPlace, tokens: slice, query: int) -> CacheAttention:
        """Attention of passes over some of a place's tokens, which see what one of its queries sees."""
        return CacheAttention(self.keys_values, place.slots_T[tokens], place.bias_QN[query : query + 1])

    def keep_first(self, kind: Kind, unit_index: int, count: int) -> None:
        """Forgets the tokens of a kind of the staged unit after the first `count`."""
        slots = self.slots(kind, unit_index)
        self._units_N[slots.start + count : slots.stop] = EMPTY

    def commit(self, kinds: tuple[Kind, ...], unit_index: int) -> None:
        """What is staged for these kinds becomes history."""
        for kind in kinds:
            if unit_index < self._model.config.history.sink_units:
                at = self.slots(kind, unit_index)
                self._sink_keys[:, :, at] = self.keys_values[:, 0, :, at]
            else:
                self._committed_units[kind] += 1

    def discard(self, unit_index: int) -> None:
        """Forgets everything of a unit, staged or committed."""
        self._units_N.masked_fill_(self._units_N == unit_index, EMPTY)

    def clear(self) -> None:
        """Forgets everything, for another session."""
        self.keys_values.zero_()
        self._sink_keys.zero_()
        self._units_N.fill_(EMPTY)
        self._committed_units = [0] * len(self._rings)
        self._sink_shift_units = 0

    def state(self, *, first_head: int = 0) -> KvState:
        """What later passes depend on: views of the cache's memory, to be written before the next unit.

        Args:
            first_head: number of this cache's first head among the model's.
        """
        heads = range(first_head, first_head + self.keys_values.shape[2])
        return KvState(
            keys_values={head: self.keys_values[:, :, own] for own, head in enumerate(heads)},
            sink_keys={head: self._sink_keys[:, own] for own, head in enumerate(heads)},
            units_N=self._units_N,
            committed_units=tuple(self._committed_units),
            sink_shift_units=self._sink_shift_units,
        )

    def restore(self, state: KvState) -> None:
        """Continues where `state`, of as many heads and slots, was taken; it is copied into the cache's memory."""
        for own, head in enumerate(state.heads):
            self.keys_values[:, :, own] = state.keys_values[head]
            self._sink_keys[:, own] = state.sink_keys[head]
        self._units_N.copy_(state.units_N)
        self._committed_units = list(state.committed_units)
        self._sink_shift_units = state.sink_shift_units

    def _mark(self, kind: Kind, unit_index: int, count: int) -> slice:
        """Notes that the first tokens of a kind of a unit stand in their slots from now on; what stood there is not."""
        slots = self.slots(kind, unit_index)
        at = slice(slots.start, slots.start + count)
        self._units_N[at] = unit_index
        self._units_N[at.stop : slots.stop] = EMPTY
        return at

    def _visible_QN(self, queries_2Q: Tensor, unit_index: int) -> Tensor:
        """Which slots each query of a unit sees."""
        kind_Q, index_Q = queries_2Q
        queries = Tokens.clean(torch.full_like(kind_Q, unit_index), kind_Q, index_Q)
        keys = Tokens.clean(self._units_N, self._kinds_N, self._indices_N)
        config = self._model.config
        return may_attend(queries, keys, lag=config.lag, history=config.history)

    def _turn_sink(self, unit_index: int) -> None:
        """Keeps the sink at a constant distance from this unit once the windows are full."""
        shift = max(0, unit_index - self._bound_units)
        if shift == self._sink_shift_units:
            return
        positions = torch.full((1, 3), shift * POSITIONS_PER_UNIT, device=self._units_N.device)
        turned = turn(self._sink_keys.transpose(1, 2), self._model.rotation(positions)).transpose(1, 2)
        self.keys_values[:, 0, :, : self._sink_end] = turned
        self._sink_shift_units = shift
