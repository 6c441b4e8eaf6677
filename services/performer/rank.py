"""A rank of an epoch as rank 0's service holds it, and the ranks whose processes run here."""

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from services.performer.rank_process import Load, RankPlace, run_rank
from services.performer.wire import Link
from wan_streamer.engine.config import EngineConfig

# How often ranks are looked at: a stopped one is found after this long, one that ended at once.
LOOK_INTERVAL_S: Final = 0.1


class Rank(Protocol):
    """What an epoch needs of a rank, wherever it runs."""

    @property
    def link(self) -> Link:
        """Takes commands and brings answers."""

    @property
    def end(self) -> int | None:
        """What becomes readable when the rank ends, where there is such a thing."""

    def failure(self) -> str | None:
        """Whether it has ended or is stopped, in words."""

    def begin(self) -> None:
        """All ranks of the epoch are ready."""

    def kill(self) -> None:
        """Ends it now; who waits for its answer gets an error."""

    def join(self) -> None:
        """Waits until the killed rank is gone, or is sure to be before another one takes its place."""


# Given the number of the epoch and the port of its store.
Start: TypeAlias = Callable[[int, int], Sequence[Rank]]


class RankProcess:
    """A process of this host."""

    def __init__(self, target: Callable[..., None], *args: Any, rank: int) -> None:
        # A server that has imported torch forks ranks in milliseconds; starting Python for each would take seconds.
        processes = multiprocessing.get_context("forkserver")
        processes.set_forkserver_preload(["services.performer.rank_process"])
        self._process: BaseProcess = processes.Process(target=target, args=args, name=f"rank-{rank}", daemon=True)
        self._process.start()

    @property
    def end(self) -> int:
        """Readable when the process ends."""
        return self._process.sentinel

    @property
    def process_id(self) -> int:
        """The kernel's number of it."""
        return self._process.pid or 0

    def failure(self) -> str | None:
        """Whether it has ended or is stopped, in words."""
        if self._process.exitcode is not None:
            return f"ended with code {self._process.exitcode}"
        return "was stopped" if _is_stopped(self.process_id) else None

    def kill(self) -> None:
        """Ends it now, a stopped one too."""
        self._process.kill()

    def join(self) -> None:
        """Waits until the killed process is gone."""
        self._process.join()


class LocalRank(RankProcess):
    """A rank whose process runs here, behind a pipe."""

    def __init__(self, place: RankPlace, config: EngineConfig, load: Load) -> None:
        self.link, theirs = multiprocessing.Pipe()
        super().__init__(run_rank, place, config, load, theirs, rank=place.rank)
        theirs.close()

    def begin(self) -> None:
        """It need not know."""


def start_here(config: EngineConfig, load: Load, rank_count: int) -> Start:
    """All ranks are processes of this host."""

    def start(_epoch: int, store_port: int) -> list[LocalRank]:
        places = [RankPlace(rank=rank, rank_count=rank_count, store_port=store_port) for rank in range(rank_count)]
        return [LocalRank(place, config, load) for place in places]

    return start


def _is_stopped(process_id: int) -> bool:
    """Whether SIGSTOP holds a process. The kernel knows: a heartbeat would also miss beats where cores are busy."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "T"
