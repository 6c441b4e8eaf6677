"""Sessions that share a thinker and a performer group, event by event, without computing anything.

What a unit is made of and what waits for what is the engine's own schedule (`wan_streamer.engine.order`); each process
takes jobs first come first served, one at a time, as `wan_streamer.rpc.worker` does. Only times are made up: they come
from the caller.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from wan_streamer.engine.order import JOBS, Job, Process, may_think
from wan_streamer.unit import UNIT_MS

# Milliseconds of a job ("think", "solve", ...) for a unit of a session: (job, session, unit index).
JobTime = Callable[[str, int, int], float]


@dataclass(frozen=True, kw_only=True)
class JobTimes:
    """The same times for every unit, in milliseconds; for one rank."""

    hear: float
    think: float
    solve: float
    decode: float
    clean: float
    commit: float

    def __call__(self, job: str, session: int, unit_index: int) -> float:
        return float(getattr(self, job))

    def on_ranks(self, ranks: int, exchange_ms: float) -> "JobTimes":
        """With the performer's work shared by `ranks`, and their exchange on top of each of its jobs."""
        added_ms = exchange_ms if ranks > 1 else 0.0
        return replace(self, solve=self.solve / ranks + added_ms, clean=self.clean / ranks + added_ms)

    @property
    def thinker_ms(self) -> float:
        """A unit's whole cost on the thinker."""
        return self.hear + self.think + self.decode + self.commit

    @property
    def performer_ms(self) -> float:
        """A unit's whole cost on the performer."""
        return self.solve + self.clean


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One job as it ran."""

    job: str
    session: int
    unit_index: int
    start_ms: float
    end_ms: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A simulated run.

    Attributes:
        latencies_ms: by session and unit, from its arrival at the thinker until it is decoded.
        ran: every job, in the order of their starts.
    """

    latencies_ms: tuple[tuple[float, ...], ...]
    ran: tuple[Ran, ...]

    def busy_share(self, process: Process) -> float:
        """Share of the time in which a process works."""
        names = {job.name for job in JOBS if job.process == process}
        end_ms = max(each.end_ms for each in self.ran)
        return sum(each.end_ms - each.start_ms for each in self.ran if each.job in names) / end_ms


def in_phases(phases_ms: Sequence[float], units: int) -> list[list[float]]:
    """When the units of sessions arrive that keep their phases."""
    return [[phase_ms + k * UNIT_MS for k in range(units)] for phase_ms in phases_ms]


def simulate(arrivals_ms: Sequence[Sequence[float]], time_of: JobTime, *, lag: int, hop_ms: float = 0.0) -> Outcome:
    """Runs sessions to the end of their last units.

    Args:
        arrivals_ms: by session, when its units arrive at the thinker; in order.
        hop_ms: from the end of a job on one process to the start of what needs it on the other.
    """
    run = _Run(arrivals_ms, time_of, lag, hop_ms)
    run.to_end()
    latencies = tuple(
        tuple(run.done_ms["decode", session, k] - arrived for k, arrived in enumerate(arrivals))
        for session, arrivals in enumerate(arrivals_ms)
    )
    return Outcome(latencies_ms=latencies, ran=tuple(run.ran))


_Key = tuple[str, int, int]


@dataclass
class _Run:
    arrivals_ms: Sequence[Sequence[float]]
    time_of: JobTime
    lag: int
    hop_ms: float
    done_ms: dict[_Key, float] = field(default_factory=dict)
    ran: list[Ran] = field(default_factory=list)
    _events: list[tuple[float, int, _Key, bool]] = field(default_factory=list)
    _now_ms: float = 0.0
    _number: Iterator[int] = field(default_factory=count)
    _asked: set[_Key] = field(default_factory=set)
    _queues: dict[Process, deque[_Key]] = field(default_factory=lambda: defaultdict(deque))
    _is_busy: dict[Process, bool] = field(default_factory=lambda: defaultdict(bool))
    _catches_up: dict[tuple[int, int], bool] = field(default_factory=dict)

    def to_end(self) -> None:
        for session in range(len(self.arrivals_ms)):
            self._ask(session, 0)
        while self._events:
            self._now_ms, _, key, is_end = heapq.heappop(self._events)
            process = _BY_NAME[key[0]].process
            if is_end:
                self._is_busy[process] = False
                self.done_ms[key] = self._now_ms
                self._ask_what_waits(key)
            else:
                self._queues[process].append(key)
            self._begin_next(process)

    def _begin_next(self, process: Process) -> None:
        if self._is_busy[process] or not self._queues[process]:
            return
        key = self._queues[process].popleft()
        end_ms = self._now_ms + self.time_of(*key)
        self._is_busy[process] = True
        self.ran.append(Ran(job=key[0], session=key[1], unit_index=key[2], start_ms=self._now_ms, end_ms=end_ms))
        self._push(end_ms, key, is_end=True)

    def _ask_what_waits(self, ended: _Key) -> None:
        _, session, k = ended
        for unit_index in range(max(0, k - 1), k + self.lag + 2):
            self._ask(session, unit_index)

    def _ask(self, session: int, k: int) -> None:
        """Queues every job of a unit that has all it needs, once."""
        if k >= len(self.arrivals_ms[session]):
            return
        for job in JOBS:
            key = (job.name, session, k)
            ready_ms = None if key in self._asked else self._ready_ms(job, session, k)
            if ready_ms is not None:
                self._asked.add(key)
                if job.name == "think" and self.done_ms["hear", session, k] == self._now_ms:
                    # Nothing to wait for: the thinker does both in one go.
                    self._queues[job.process].appendleft(key)
                else:
                    self._push(ready_ms, key, is_end=False)

    def _ready_ms(self, job: Job, session: int, k: int) -> float | None:
        needs = [(name, session, k) for name in job.after]
        needs += [(name, session, k - 1) for name in job.after_before if k]
        needs += self._needs_in_turn(job, session, k)
        if any(need not in self.done_ms for need in needs):
            return None
        if job.name == "think" and not may_think(self._open_count(session, k), self.lag):
            return None
        ends_ms = [self.done_ms[need] + self._hop_ms(need[0], job) for need in needs]
        if job.name == "hear":
            ends_ms.append(self.arrivals_ms[session][k])
        if job.name == "think":
            # A commit that it waited for ends now: this is asked again at every end.
            ends_ms.append(self._now_ms)
        return max(ends_ms)

    def _needs_in_turn(self, job: Job, session: int, k: int) -> list[_Key]:
        """What goes before an answer or a commit because it is its turn, once the latents are there."""
        if job.name not in ("decode", "commit") or ("solve", session, k) not in self.done_ms:
            return []
        if self._catches_up.setdefault((session, k), self._is_behind(session, k)):
            return [("think", session, k + 1)] if job.name == "decode" else []
        return [("decode", session, k)] if job.name == "commit" else []

    def _is_behind(self, session: int, k: int) -> bool:
        """Whether the next unit was heard and waits for its turn, and the one after it is there, too."""
        is_heard, is_thought = (((name, session, k + 1) in self.done_ms) for name in ("hear", "think"))
        behind_ms = self.arrivals_ms[session][k + 2 : k + 3]
        return is_heard and not is_thought and any(at_ms <= self._now_ms for at_ms in behind_ms)

    def _open_count(self, session: int, k: int) -> int:
        return sum(("commit", session, unit_index) not in self.done_ms for unit_index in range(k))

    def _hop_ms(self, before: str, job: Job) -> float:
        return 0.0 if _BY_NAME[before].process == job.process else self.hop_ms

    def _push(self, at_ms: float, key: _Key, *, is_end: bool) -> None:
        heapq.heappush(self._events, (at_ms, next(self._number), key, is_end))


_BY_NAME: Mapping[str, Job] = {job.name: job for job in JOBS}
