"""Does the simulator say what the suite does? Live conversations on loopback, measured and simulated from their stages.

    .venv/bin/python benchmarks/simulation_check.py                # one session, then all that are promised

The suite runs with the capacity that it measured itself. For each number of sessions: units are sent at live pace, and
the services' spans give when each unit arrived at the thinker and how long each job took. The simulator gets the
arrivals and the jobs' times, not what waited for what, and must give the model-side latency within 10 %: with each
unit's own times, and with the median of each job. With these no unit may take longer than the tick: what is late then
is so for a job that took long, not for lack of a phase. One session more than is promised must be refused. Leave the
machine alone: what else runs on it makes the units late.
"""

import asyncio
import itertools
import json
import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tyro
from machine import describe_machine
from simulation import Outcome as Simulated
from simulation import simulate

from wan_streamer.client import AudioFormat, Outcome, Session, Unit, VideoFormat, connect
from wan_streamer.client.suite import STOP_LIMIT_S, Suite, SuiteOptions
from wan_streamer.engine.order import JOBS
from wan_streamer.errors import CapacityExhausted
from wan_streamer.media.jpeg import encode_jpeg
from wan_streamer.unit import FRAMES_PER_SECOND, FRAMES_PER_UNIT, UNIT_MS, samples_per_unit

RATE_HZ = 16_000
AUDIO, VIDEO = AudioFormat(sample_rate_hz=RATE_HZ, channel_count=1), VideoFormat(frame_rate_hz=FRAMES_PER_SECOND)
WARM_UP_UNITS = 5
NANO_LAG = 0
TOLERANCE = 0.1


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    units: int = 100
    """Units of each session."""


@dataclass
class Seen:
    """What the clients of one run saw.

    Attributes:
        latencies_ms: model-side latency by session id and unit, of those that were answered.
        outcomes: ON_TIME, LATE, SKIPPED.
    """

    latencies_ms: dict[tuple[str, int], float] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass
class Stages:
    """What the services stamped of one unit: start and duration by service and stage, in milliseconds."""

    starts_ms: dict[tuple[str, str], float] = field(default_factory=dict)
    took_ms: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def job_ms(self) -> dict[str, float]:
        """Duration of each job."""
        return {job.name: sum(self.took_ms[job.process, stage] for stage in job.stages) for job in JOBS}

    @property
    def hop_ms(self) -> float:
        """One way between the processes: what of the wait for latents is not the performer's, halved."""
        performer_ms = sum(self.took_ms["performer", stage] for stage in ("queue", "append", "solve"))
        both_ms = self.took_ms["thinker", "slice"] + self.took_ms["thinker", "latents"] - performer_ms
        return max(0.0, both_ms) / 2


async def speak(session: Session, units: int) -> None:
    """Sends noise at live pace, 40 ms at a time."""
    random = np.random.default_rng(0)
    jpeg = encode_jpeg(random.integers(0, 256, (128, 224, 3), np.uint8))
    step = samples_per_unit(RATE_HZ) // FRAMES_PER_UNIT
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    for frame in range(units * FRAMES_PER_UNIT):
        await session.send_frame(jpeg)
        await asyncio.sleep(max(0.0, begin_s + (frame + 1) / FRAMES_PER_SECOND - loop.time()))
        await session.send_audio(random.integers(-3000, 3000, step).astype(np.int16))
    await session.end()


async def listen(session: Session, seen: Seen) -> None:
    """Notes what comes back."""
    async for event in session:
        if isinstance(event, Unit):
            seen.outcomes[event.outcome.name] += 1
            if event.outcome is not Outcome.SKIPPED:
                seen.latencies_ms[event.session_id, event.unit_index] = event.model_latency_ms


async def converse(address: str, count: int, units: int) -> Seen:
    """So many conversations at once."""
    seen = Seen()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        for _ in range(count):
            session = await stack.enter_async_context(connect(address, audio=AUDIO, video=VIDEO, seed=0))
            # It is entered when its phase begins: whoever waits for the next session first, misses it.
            group.create_task(speak(session, units))
            group.create_task(listen(session, seen))
    return seen


async def promised_sessions(address: str) -> int:
    """How many sessions are let in before one is refused."""
    async with AsyncExitStack() as stack:
        for count in itertools.count():
            try:
                await stack.enter_async_context(connect(address, audio=AUDIO, pace="media"))
            except CapacityExhausted:
                return count
    raise AssertionError


async def measure(options: Options, folder: Path) -> dict[int, Seen]:
    """Runs the suite with one session and with all that it promises a place; what was seen, by number of sessions."""
    suite = Suite(SuiteOptions(out=folder), on_wait=lambda name: print(f"waiting for {name}"))
    try:
        await suite.start()
        promised = await promised_sessions(suite.address)
        print(f"promised: {promised} sessions; one more was refused")
        return {count: await converse(suite.address, count, options.units) for count in sorted({1, promised})}
    finally:
        await suite.stop(STOP_LIMIT_S)


def read_stages(trace_dir: Path) -> dict[tuple[str, int], Stages]:
    """What was stamped, by session and unit."""
    stages: dict[tuple[str, int], Stages] = defaultdict(Stages)
    for line in itertools.chain.from_iterable(path.read_text().splitlines() for path in trace_dir.glob("*.jsonl")):
        span = json.loads(line)
        attributes = span["attributes"]
        if "stage" in attributes:
            unit, key = (
                stages[attributes["session.id"], attributes["unit.index"]],
                (span["service"], attributes["stage"]),
            )
            unit.starts_ms[key] = span["start_unix_ns"] / 1e6
            unit.took_ms[key] = (span["end_unix_ns"] - span["start_unix_ns"]) / 1e6
    return stages


@dataclass(frozen=True)
class Recorded:
    """The arrivals and times of a measured run, as the simulator wants them."""

    units: list[list[Stages]]

    @property
    def arrivals_ms(self) -> list[list[float]]:
        """When each unit came to the thinker, from the first on."""
        arrivals = [[unit.starts_ms["thinker", "queue"] for unit in session] for session in self.units]
        first = min(session[0] for session in arrivals)
        return [[arrived - first for arrived in session] for session in arrivals]

    @property
    def hop_ms(self) -> float:
        """Median of all units."""
        return statistics.median(unit.hop_ms for session in self.units for unit in session)

    def own(self, job: str, session: int, unit: int) -> float:
        """What the job took for this unit."""
        return self.units[session][unit].job_ms[job]

    def medians(self) -> dict[str, float]:
        """What each job takes for half of the units."""
        every = [unit.job_ms for session in self.units for unit in session]
        return {job.name: statistics.median(unit[job.name] for unit in every) for job in JOBS}


def compared(name: str, outcome: Simulated, measured_ms: list[float]) -> bool:
    """Prints medians side by side; whether they agree."""
    simulated_ms = [latency for session in outcome.latencies_ms for latency in session[WARM_UP_UNITS:]]
    simulated, measured = statistics.median(simulated_ms), statistics.median(measured_ms)
    tenth = [statistics.quantiles(each, n=10)[-1] for each in (simulated_ms, measured_ms)]
    agrees = abs(simulated / measured - 1) <= TOLERANCE
    print(
        f"  {name:22} simulated {simulated:6.1f} ms, measured {measured:6.1f} ({simulated / measured - 1:+.1%}); "
        f"90 %: {tenth[0]:.1f}, {tenth[1]:.1f}   {'agrees' if agrees else 'DIFFERS'}"
    )
    return agrees


def check(count: int, seen: Seen, stages: dict[tuple[str, int], Stages]) -> bool:
    """Simulates a measured run and compares."""
    ids = sorted({session for session, _ in seen.latencies_ms})
    by_session = [[stages[key] for key in sorted(seen.latencies_ms) if key[0] == session] for session in ids]
    run = Recorded(by_session)
    medians = run.medians()
    answered = {job: round(took_ms, 1) for job, took_ms in medians.items()}
    phases = [round(session[0] % UNIT_MS) for session in run.arrivals_ms]
    print(f"{count} sessions: {dict(seen.outcomes)}; median ms {answered}, hop {run.hop_ms:.1f}; phases {phases}")
    measured_ms = [latency for (_, k), latency in seen.latencies_ms.items() if k >= WARM_UP_UNITS]
    outcomes = {
        "each unit's own times": simulate(run.arrivals_ms, run.own, lag=NANO_LAG, hop_ms=run.hop_ms),
        "median of each job": simulate(
            run.arrivals_ms, lambda job, _session, _unit: medians[job], lag=NANO_LAG, hop_ms=run.hop_ms
        ),
    }
    agreed = [compared(name, outcome, measured_ms) for name, outcome in outcomes.items()]
    late = sum(latency > UNIT_MS for session in outcomes["median of each job"].latencies_ms for latency in session)
    print(f"  longer than the tick if every job took its median: {late} units")
    return all(agreed) and not late


def verdict(agreed: Iterable[bool]) -> str:
    """In one line."""
    return "simulator and suite agree within 10 %" if all(agreed) else "simulator and suite DIFFER"


def main() -> None:
    """Runs, simulates, compares."""
    options = tyro.cli(Options, description=__doc__)
    print(f"nano, {options.units} units a session; {describe_machine()}")
    with tempfile.TemporaryDirectory() as folder:
        runs = asyncio.run(measure(options, Path(folder)))
        stages = read_stages(Path(folder) / "traces")
    print(verdict([check(count, seen, stages) for count, seen in runs.items()]))


if __name__ == "__main__":
    main()
