"""A recorder for tests without a GPU: it remembers what a CUDA graph remembers, operators and addresses, and no Python.

The pass runs once, under a dispatch mode that writes down every operator with the very tensors that it got and gave.
Afterwards only the tape runs: Python's numbers, branches and tensors made from them are as they were when it was
recorded. What a capture refuses, the tape refuses: reading a tensor's value.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from wan_streamer.engine.captured import Work

READS = tuple(getattr(torch.ops.aten, name).default for name in ("item", "_local_scalar_dense", "is_nonzero", "equal"))


class ValueRead(Exception):
    """A pass looked at a tensor while it was recorded."""


@dataclass
class Tape(TorchDispatchMode):
    """Records operators while it is entered."""

    steps: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in READS:
            raise ValueRead(str(func))
        result = func(*args, **(kwargs or {}))
        self.steps.append((func, args, kwargs or {}, result))
        return result

    @torch.inference_mode()
    def replay(self) -> None:
        """Every operator again, on the same tensors, into the same tensors."""
        for func, args, kwargs, kept in self.steps:
            for old, new in zip(pytree.tree_leaves(kept), pytree.tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class TapeRecorder:
    """Gives each pass a tape.

    Attributes:
        replays: how often tapes ran.
    """

    may_read = False

    def __init__(self) -> None:
        self.replays = 0

    @torch.inference_mode()
    def record(self, work: Work) -> Work:
        """Runs a pass once and keeps its tape alone."""
        tape = Tape()
        with tape:
            work()

        def run() -> None:
            self.replays += 1
            tape.replay()

        return run
