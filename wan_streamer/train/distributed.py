"""Data parallel training: every process takes its share of the items and gradients are averaged.

Started by torchrun, which names rank and world in the environment; without it there is one process.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from wan_streamer.errors import InvalidInput

# The others wait while the first process decodes the data.
TIME_LIMIT = timedelta(hours=2)


@dataclass(frozen=True)
class Group:
    """The processes of this run, and this one's place among them."""

    rank: int
    size: int
    local_rank: int

    @property
    def leads(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def share(self, batch_size: int) -> range:
        """Items of a global batch that are this process's.

        Raises:
            InvalidInput: BATCH_SIZE, they cannot be shared equally.
        """
        if batch_size % self.size:
            raise InvalidInput(
                f"got a batch of {batch_size} items for {self.size} processes, expected a multiple; "
                "change the recipe's batch_size or the number of processes",
                reason="BATCH_SIZE",
            )
        count = batch_size // self.size
        return range(self.rank * count, (self.rank + 1) * count)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces every gradient by its mean over the processes, in one message."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = _flatten_dense_tensors(gradients)
        distributed.all_reduce(flat)
        flat /= self.size
        torch._foreach_copy_(gradients, list(_unflatten_dense_tensors(flat, gradients)))

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """The block runs in the first process, then in the others: what it caches is made once."""
        if self.size > 1 and not self.leads:
            distributed.barrier()
        yield
        if self.size > 1 and self.leads:
            distributed.barrier()

    def average(self, values: Tensor) -> Tensor:
        """Mean over the processes."""
        if self.size > 1:
            distributed.all_reduce(values)
            values /= self.size
        return values

    def averages(self, measures: dict[str, Tensor]) -> dict[str, float]:
        """The numbers of a step over all processes; waits for the device."""
        values = self.average(torch.stack([value.float() for value in measures.values()]))
        return dict(zip(measures, values.tolist(), strict=True))

    def any_of(self, flag: bool, device: torch.device) -> bool:
        """Whether one of the processes says so: all stop at the same step."""
        if self.size == 1:
            return flag
        flags = torch.tensor(float(flag), device=device)
        distributed.all_reduce(flags, op=distributed.ReduceOp.MAX)
        return bool(flags.item())


@contextmanager
def process_group(device_type: str) -> Iterator[Group]:
    """The group that torchrun set up, or this process alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group(rank=0, size=1, local_rank=0)
        return
    distributed.init_process_group("nccl" if device_type == "cuda" else "gloo", timeout=TIME_LIMIT)
    try:
        yield Group(distributed.get_rank(), distributed.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        distributed.destroy_process_group()
