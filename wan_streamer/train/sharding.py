"""A Transformer that no process holds whole: its blocks by FSDP2 (arXiv 2304.11277), the rest in each process.

Each process has a part of every block's weights, gradients and optimizer state; a block's weights are gathered when it
computes, and its gradients arrive averaged. Checkpoints are torch's own (`torch.distributed.checkpoint`): every process
writes its part, and another number of processes can go on from them.
"""

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.model.model_weights import trained_tensors
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.checkpoint import KEPT
from wan_streamer.train.distributed import Group

_Tensor = TypeVar("_Tensor", bound=Tensor)
NAME, PART = re.compile(r"step-(\d{9})\.dcp"), ".part"


def shard_blocks(model: WanStreamer, group: Group, device: torch.device) -> None:
    """Leaves each process its part of every block.

    Raises:
        InvalidInput: SHARD, there is one process only.
    """
    if group.size == 1:
        raise InvalidInput(
            "got --shard for one process, expected several to share the blocks; start it with torchrun "
            "--nproc-per-node N -m wan_streamer.train, or leave --shard out",
            reason="SHARD",
        )
    mesh = init_device_mesh(device.type, (group.size,))
    for block in model.transformer.blocks:
        # Each block is a root of its own, which would stay gathered.
        fully_shard(block, mesh=mesh, reshard_after_forward=True)


def local(tensor: Tensor) -> Tensor:
    """This process's part of a tensor, the same memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor; every process has to ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


@torch.no_grad()
def copy_trained(model: WanStreamer, source: WanStreamer) -> None:
    """Gives a model, in parts or not, the trained weights of one that is whole; every process has to do it."""
    values = trained_tensors(source)
    for name, tensor in trained_tensors(model).items():
        value = values[name].to(tensor.device)
        if isinstance(tensor, DTensor):
            value = distribute_tensor(value, tensor.device_mesh, tensor.placements)
        tensor.copy_(value)


def by_kind(tensors: Iterable[_Tensor]) -> tuple[list[_Tensor], list[_Tensor]]:
    """What each process has whole, and what they share: the two cannot be computed with in one go."""
    whole_ones: list[_Tensor] = []
    shared: list[_Tensor] = []
    for tensor in tensors:
        (shared if isinstance(tensor, DTensor) else whole_ones).append(tensor)
    return whole_ones, shared


def total_norm(gradients: Iterable[Tensor]) -> Tensor:
    """Norm of all of them together, parts of all processes included."""
    norms = [whole(nn.utils.get_total_norm(some)) for some in by_kind(gradients) if some]
    return torch.stack(norms).norm() if len(norms) > 1 else norms[0]


def clip_gradients(parameters: Iterable[nn.Parameter], limit: float) -> None:
    """As torch's clip_grad_norm_, for both kinds."""
    learning = [one for one in parameters if one.grad is not None]
    norm = total_norm([one.grad for one in learning if one.grad is not None])
    for some in by_kind(learning):
        if some:
            nn.utils.clip_grads_with_norm_(some, limit, norm)


class ShardedState:
    """Weights, their average and the optimizer, as checkpoints in parts.

    Args:
        folder: of the run's checkpoints.
    """

    def __init__(
        self, folder: Path, model: WanStreamer, average: WanStreamer, optimizer: torch.optim.Optimizer, group: Group
    ) -> None:
        self._folder, self._group = folder, group
        self._model, self._average, self._optimizer = model, average, optimizer

    def save(self, step: int) -> None:
        """Writes the state after `step` steps and removes all but the newest; every process has to call it.

        Raises:
            OSError: it could not be written; the ones before are as they were.
        """
        part, path = self._folder / f".step-{step:09d}{PART}", self._folder / f"step-{step:09d}.dcp"
        self._leader(lambda: self._make_room(path))
        try:
            save(self._state(), checkpoint_id=part)
        except CheckpointException as error:
            raise OSError(f"{part}: {error}") from error
        self._leader(lambda: self._put_in_place(part, path))

    def load_newest(self) -> tuple[int, list[str]] | None:
        """Goes to the newest checkpoint that can be read; its step, and a sentence for each that cannot; or None.

        Raises:
            InvalidInput: CHECKPOINT_DAMAGED, there are checkpoints but none can be read.
        """
        complaints: list[str] = []
        for step, path in reversed(self._found()):
            state = self._state()
            try:
                # What never had a gradient has no moments to load.
                load(state, checkpoint_id=path, planner=DefaultLoadPlanner(allow_partial_load=True))
                stepped = set(FileSystemReader(path).read_metadata().state_dict_metadata)
            except CheckpointException:
                complaints.append(f"{path.name} is damaged; taking the one before it")
                continue
            set_optimizer_state_dict(self._model, self._optimizer, state["optimizer"])
            for name, parameter in self._model.named_parameters():
                if f"optimizer.state.{name}.exp_avg" not in stepped:
                    self._optimizer.state.pop(parameter, None)
            return step, complaints
        if complaints:
            raise InvalidInput(
                f"got only damaged checkpoints in {self._folder}, expected a whole one; restore one, or delete the run "
                "folder to start anew",
                reason="CHECKPOINT_DAMAGED",
            )
        return None

    def _make_room(self, path: Path) -> None:
        """What a save that was killed has left, and what is there of this step but damaged."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in (*self._folder.glob(f".*{PART}"), path):
            if left.exists():
                shutil.rmtree(left)

    def _put_in_place(self, part: Path, path: Path) -> None:
        part.rename(path)
        for _, old in self._found()[:-KEPT]:
            shutil.rmtree(old)

    def _leader(self, work: Callable[[], None]) -> None:
        """One process works, all wait; what it could not do, none has done."""
        complaint: list[str | None] = [None]
        if self._group.leads:
            try:
                work()
            except OSError as error:
                complaint = [str(error)]
        distributed.broadcast_object_list(complaint, src=0)
        if complaint[0] is not None:
            raise OSError(complaint[0])

    def _state(self) -> dict[str, Any]:
        return {
            "model": trained_tensors(self._model),
            "ema": trained_tensors(self._average),
            "optimizer": get_optimizer_state_dict(self._model, self._optimizer),
        }

    def _found(self) -> list[tuple[int, Path]]:
        matches = ((NAME.fullmatch(path.name), path) for path in self._folder.glob("*.dcp"))
        return sorted((int(match[1]), path) for match, path in matches if match)
