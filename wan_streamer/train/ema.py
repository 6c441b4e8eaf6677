"""Exponential moving average of a module's parameters: what is kept and shipped."""

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

from wan_streamer.train.sharding import local

Module = TypeVar("Module", bound=nn.Module)


class Ema(Generic[Module]):
    """A copy of the module that follows it slowly; fast in the first steps, when there is nothing worth keeping."""

    def __init__(self, module: Module, decay: float) -> None:
        self.decay = decay
        self.module: Module = copy.deepcopy(module).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, module: Module, step: int) -> None:
        """Moves the average towards the module after step number `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        average = [local(parameter.data) for parameter in self.module.parameters()]
        newest = [local(parameter.data) for parameter in module.parameters()]
        torch._foreach_lerp_(average, newest, 1 - decay)
