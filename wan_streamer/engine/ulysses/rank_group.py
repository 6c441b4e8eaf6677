"""The ranks that compute together, and the two ways in which they exchange tensors; both are counted.

Shape letters: P ranks.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed


@dataclass(kw_only=True)
class Traffic:
    """What one rank took part in and sent.

    Attributes:
        collectives: exchanges, all ranks in each.
        sent_bytes: what left this rank for other ranks.
    """

    collectives: int = 0
    sent_bytes: int = 0


class RankGroup:
    """One rank's view of a torch.distributed process group (gloo on processors, NCCL on GPUs)."""

    def __init__(self, process_group: distributed.ProcessGroup) -> None:
        self.process_group = process_group
        self.rank = process_group.rank()
        self.rank_count = process_group.size()
        self.traffic = Traffic()

    def all_to_all(self, parts: Tensor) -> Tensor:
        """Part [p] of what this rank gives goes to rank p; part [p] of the result came from rank p. Differentiable.

        Args:
            parts: [P, ...], of the same shape on all ranks.
        """
        return _AllToAll.apply(parts, self)

    def all_gather(self, own: Tensor) -> Tensor:
        """What all ranks give, [P, ...]; of the same shape on all ranks, not differentiable."""
        everyone = own.new_empty(self.rank_count * own.shape[0], *own.shape[1:])
        self._count(own.numel() * own.element_size() * (self.rank_count - 1))
        distributed.all_gather_single(everyone, own.contiguous(), group=self.process_group)
        return everyone.unflatten(0, (self.rank_count, -1))

    def exchange(self, parts: Tensor) -> Tensor:
        """As `all_to_all`, without gradients."""
        received = torch.empty_like(parts, memory_format=torch.contiguous_format)
        self._count(parts.numel() * parts.element_size() // self.rank_count * (self.rank_count - 1))
        distributed.all_to_all_single(received, parts.contiguous(), group=self.process_group)
        return received

    def _count(self, sent_bytes: int) -> None:
        self.traffic.collectives += 1
        self.traffic.sent_bytes += sent_bytes


class _AllToAll(torch.autograd.Function):
    """The gradient of what went to a rank comes back from it: the same exchange."""

    @staticmethod
    def forward(ctx: Any, parts: Tensor, group: RankGroup) -> Tensor:
        ctx.group = group
        return group.exchange(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.group.exchange(gradients[0]), None
