"""What does a snapshot of a session cost: how large is it, how long do writing, reading and restoring take?

    .venv/bin/python benchmarks/snapshot_cost.py

A conversation is driven past every window, then each process's part is written and restored again and again. Files go
to a temporary folder. At the end the restored session is compared with the one that stayed, bit for bit.
"""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import tyro
from machine import describe_machine
from rich.progress import track

from wan_streamer.engine.schedule import Duplex, DuplexSession
from wan_streamer.engine.snapshot.file import read_snapshot, write_snapshot
from wan_streamer.engine.snapshot.sessions import Snapshots
from wan_streamer.engine.warm_up import silent_unit
from wan_streamer.model.presets import preset, untrained

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    preset: str = "nano"
    """Size of the model."""
    units: int = 130
    """Units before the snapshot; 126 fill nano's longest window."""
    rounds: int = 20
    """Snapshots of each process."""
    threads: int = 1
    """Threads of torch."""


class Stopwatch:
    """Times by name: on the wall, and of the processor, which a busy machine does not change much."""

    def __init__(self) -> None:
        self.times_ms: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        wall, own = time.perf_counter(), time.process_time()
        result = work()
        self.times_ms[name].append(((time.perf_counter() - wall) * 1e3, (time.process_time() - own) * 1e3))
        return result


@dataclass(frozen=True, kw_only=True)
class Move:
    """A session's way into files and out of them."""

    snapshots: Snapshots
    duplex: Duplex
    thinker_path: Path
    performer_path: Path
    watch: Stopwatch

    def __call__(self, session: DuplexSession) -> DuplexSession:
        """Writes, reads and restores both parts."""
        watch, snapshots = self.watch, self.snapshots
        of_thinker = snapshots.of_thinker(session.thinker, {})
        of_performer = snapshots.of_performer(session.performer, {})
        watch("thinker write", lambda: write_snapshot(self.thinker_path, of_thinker))
        watch("performer write", lambda: write_snapshot(self.performer_path, of_performer))
        thinker = watch("thinker read", lambda: read_snapshot(self.thinker_path))
        performer = watch("performer read", lambda: read_snapshot(self.performer_path))
        watch("performer read, one head", lambda: read_snapshot(self.performer_path, (0,)))
        return DuplexSession(
            watch("thinker restore", lambda: snapshots.restore_thinker(self.duplex.thinker, thinker)),
            watch("performer restore", lambda: snapshots.restore_performer(self.duplex.performer, performer)),
        )


def measure(duplex: Duplex, session: DuplexSession, folder: Path, rounds: int, watch: Stopwatch) -> DuplexSession:
    """Moves the session again and again; returns the last one that was restored."""
    move = Move(
        snapshots=watch("fingerprint", lambda: Snapshots(duplex.thinker.model)),
        duplex=duplex,
        thinker_path=folder / "thinker.safetensors",
        performer_path=folder / "performer.safetensors",
        watch=watch,
    )
    for _ in track(range(rounds), description="snapshots"):
        restored = move(session)
    for path in (move.thinker_path, move.performer_path):
        print(f"{path.stem} {path.stat().st_size / 1e6:.2f} MB")
    return restored


def main() -> None:
    """Measures and prints the table."""
    options = tyro.cli(Options, description=__doc__)
    torch.set_num_threads(options.threads)
    config = preset(options.preset)
    duplex, watch = Duplex(untrained(config, 0)), Stopwatch()
    session = duplex.open(seed=0)
    for k in track(range(options.units), description="conversation"):
        duplex.step(session, silent_unit(config, k))
    print(f"{config.name} after {options.units} units, {describe_machine()}, {options.threads} threads")
    with tempfile.TemporaryDirectory() as folder:
        restored = measure(duplex, session, Path(folder), options.rounds, watch)
    print(f"{'median ms':28}{'wall':>8}{'processor':>11}")
    for name, times in watch.times_ms.items():
        wall, own = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name:28}{wall:8.1f}{own:11.1f}")
    for k in range(options.units, options.units + 3):
        stayed, went = (duplex.step(each, silent_unit(config, k)) for each in (session, restored))
        assert np.array_equal(stayed.video, went.video)
        assert np.array_equal(stayed.audio, went.audio)
    print("3 more units equal those of the session that stayed, bit for bit")


if __name__ == "__main__":
    main()
