"""Where some tokens of a unit stand: all that their passes need to know of it, in tensors that keep their memory.

A CUDA graph replays the same kernels on the same addresses: what changes from unit to unit must lie in memory that is
written before, and nothing may hang on a number of Python's. So `KvCache.move` writes a place, and the passes read it.

Shape letters: T tokens, N slots, Q queries that see differently, H heads, K key-value heads, S head size.
"""

from dataclasses import dataclass

from torch import Tensor

from wan_streamer.model.attention import attend_grouped
from wan_streamer.model.layout import Kind
from wan_streamer.model.rope import Rotation


@dataclass(frozen=True, kw_only=True)
class UnitPlace:
    """The place of the tokens of neighbouring kinds.

    Attributes:
        offsets_T3: positions inside the unit of the tokens that this process computes.
        rotation: their RoPE, [T, S / 2].
        slots_T: slot of the cache that each token of these kinds goes to.
        queries_2Q: kind and index of each query; all tokens of a pass see what one of them sees.
        bias_QN: what attention adds for each slot: 0 where the query sees it, else -infinity.
    """

    kinds: tuple[Kind, ...]
    offsets_T3: Tensor
    rotation: Rotation
    slots_T: Tensor
    queries_2Q: Tensor
    bias_QN: Tensor

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All memory of a place; the offsets are shared by all sessions."""
        return (self.rotation.cos, self.rotation.sin, self.slots_T, self.queries_2Q, self.bias_QN)

    def turned(self, tokens: slice) -> Rotation:
        """RoPE of some of the tokens."""
        return Rotation(self.rotation.cos[tokens], self.rotation.sin[tokens])


@dataclass(frozen=True)
class CacheAttention:
    """Writes the keys and values of a pass into their slots and attends over the whole cache.

    A pass that is learned from attends over a copy instead: history has no gradient.

    Attributes:
        keys_values: the cache's, [layers, 2, K, N, S].
        slots_T: of the pass's tokens.
        bias_1N: of the pass's query.
    """

    keys_values: Tensor
    slots_T: Tensor
    bias_1N: Tensor

    def __call__(self, layer: int, q_BTHS: Tensor, k_BTKS: Tensor, v_BTKS: Tensor) -> Tensor:
        keys, values = self.keys_values[layer]
        write = Tensor.index_copy if k_BTKS.requires_grad else Tensor.index_copy_
        keys = write(keys, 1, self.slots_T, k_BTKS[0].transpose(0, 1))
        values = write(values, 1, self.slots_T, v_BTKS[0].transpose(0, 1))
        return attend_grouped(q_BTHS, keys[None], values[None], self.bias_1N)
