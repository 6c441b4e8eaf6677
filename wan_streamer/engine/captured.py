"""Passes over fixed memory, recorded once and run again for every unit: as a CUDA graph on a GPU."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from wan_streamer.engine.attention_kernel import attending

# Reads and writes tensors that keep their memory, and depends on nothing else.
Work = Callable[[], None]

# Before a capture, libraries choose their algorithms and take their workspaces.
WARM_UPS = 3


class Recorder(Protocol):
    """Makes of a pass what runs it again.

    Attributes:
        may_read: whether a pass may look at its tensors while it runs, and so stop early. Reading waits for a GPU, and
            a graph cannot.
    """

    @property
    def may_read(self) -> bool: ...

    def record(self, work: Work) -> Work: ...


@dataclass(frozen=True)
class Eager:
    """Runs a pass as it is written."""

    device: torch.device

    @property
    def may_read(self) -> bool:
        """Where the memory is the processor's own."""
        return self.device.type != "cuda"

    def record(self, work: Work) -> Work:
        """The pass itself, with the attention kernel of its device."""
        if self.device.type != "cuda":
            return work

        def run() -> None:
            with attending(self.device):
                work()

        return run


class GraphRecorder:
    """Captures each pass as one CUDA graph. All graphs share one pool of memory: they run one after the other."""

    may_read = False

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream()

    @torch.inference_mode()
    def record(self, work: Work) -> Work:
        """Runs a pass some times, captures it, and returns the graph's replay.

        Raises:
            InvalidInput: ATTENTION_KERNEL, as `attending`.
        """
        device = torch.device("cuda", torch.cuda.current_device())
        graph = torch.cuda.CUDAGraph()
        with attending(device):
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                for _ in range(WARM_UPS):
                    work()
            torch.cuda.current_stream().wait_stream(self._stream)
            # Other threads of a service may use the GPU meanwhile: only this one's mistakes count.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                work()
        return graph.replay


def recorder_on(device: torch.device, *, eager: bool = False) -> Recorder:
    """How passes run on a device: graphs on a GPU, unless they are asked not to be."""
    return Eager(device) if eager or device.type != "cuda" else GraphRecorder()
