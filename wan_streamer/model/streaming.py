"""Streaming state of causal layers: one forward serves whole sequences and streams.

A causal layer owns a typed state that says what it remembers of the past. Outside a stream every call starts from a
fresh state (silence before the beginning). Inside `with streaming(stream):` each call continues where the last one
ended, and the state is written in place. Moshi's `modules/streaming.py` shows the pattern.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class PastState:
    """The last inputs of a layer along its time axis, oldest first; the tensor is overwritten in place."""

    past: Tensor


class CausalLayer(nn.Module):
    """A layer whose output depends on the present and on the last `past_shape[time_axis]` inputs.

    Attributes:
        past_shape: shape of what it remembers, without the batch axis.
        time_axis: the time axis of its input, with the batch axis.
    """

    def __init__(self, past_shape: tuple[int, ...], time_axis: int) -> None:
        super().__init__()
        self.past_shape = past_shape
        self.time_axis = time_axis
        self._entered: list[PastState] = []

    def fresh_state(self, batch: int, dtype: torch.dtype, device: torch.device) -> PastState:
        """The state before the first input."""
        return PastState(torch.zeros(batch, *self.past_shape, dtype=dtype, device=device))

    def state_for(self, x: Tensor) -> PastState:
        """What is remembered before `x`: of the stream, or nothing outside one."""
        return self._entered[-1] if self._entered else self.fresh_state(x.shape[0], x.dtype, x.device)

    def remember(self, past: Tensor) -> None:
        """Writes the state of the stream; outside one there is nothing to write."""
        if self._entered:
            self._entered[-1].past.copy_(past)

    def with_past(self, x: Tensor) -> Tensor:
        """Puts the remembered past before `x`, and remembers the end of the two together."""
        past = self.state_for(x).past
        joined = torch.cat([past, x], dim=self.time_axis)
        length = past.shape[self.time_axis]
        self.remember(joined.narrow(self.time_axis, joined.shape[self.time_axis] - length, length))
        return joined


@dataclass(frozen=True)
class Stream:
    """The states of all causal layers of a module, for one conversation (or a batch of them)."""

    states: tuple[tuple[CausalLayer, PastState], ...]

    @staticmethod
    def of(module: nn.Module, *, batch: int = 1) -> "Stream":
        """A stream before its first input."""
        like = next(module.parameters())
        layers = [layer for layer in module.modules() if isinstance(layer, CausalLayer)]
        return Stream(tuple((layer, layer.fresh_state(batch, like.dtype, like.device)) for layer in layers))


@contextmanager
def streaming(stream: Stream) -> Iterator[None]:
    """Within this context the module of the stream continues it. Not for two threads at once on one module."""
    for layer, state in stream.states:
        layer._entered.append(state)
    try:
        yield
    finally:
        for layer, _ in stream.states:
            layer._entered.pop()
