"""How many sessions fit, and how long do they wait? Simulated from the times of a unit's jobs; nothing is computed.

    .venv/bin/python benchmarks/capacity.py                                       # nano's times
    .venv/bin/python benchmarks/capacity.py --hear 4 --think 8 --solve 60 --clean 15 --decode 6 --commit 8 --ranks 1 2 4

For each number of ranks, each lag and each number of sessions: latency at the thinker (from the arrival of a unit until
its answer is decoded) and how busy both processes are, with sessions in the phases that admission gives them, and all
in one phase. The last row of each group is one session more than is promised: the services refuse it.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import tyro
from simulation import JobTimes, Outcome, in_phases, simulate

from wan_streamer.engine.phases import free_phase_us, session_capacity


@dataclass(frozen=True, kw_only=True)
class Options:
    """Milliseconds of a unit's jobs, for one session alone."""

    hear: float = 5.0
    """Encode the user."""
    think: float = 15.0
    """State pass and words."""
    solve: float = 24.0
    """Performer: all solver steps, on one rank."""
    decode: float = 10.0
    """Sound and pictures."""
    clean: float = 13.0
    """Performer: clean pass, on one rank."""
    commit: float = 13.0
    """Thinker: clean pass."""
    hop: float = 1.0
    """From one process to the other."""
    exchange: float = 0.0
    """What the exchange between ranks adds to each of the performer's jobs."""
    ranks: tuple[int, ...] = (1,)
    """Sizes of the performer group."""
    lags: tuple[int, ...] = (0, 1)
    """Of the model."""
    units: int = 200
    """Units of each session."""

    def times(self, ranks: int) -> JobTimes:
        """The jobs' times on a group of this size."""
        alone = JobTimes(
            hear=self.hear,
            think=self.think,
            solve=self.solve,
            decode=self.decode,
            clean=self.clean,
            commit=self.commit,
        )
        return alone.on_ranks(ranks, self.exchange)


def admitted_phases_ms(count: int) -> list[float]:
    """Phases of sessions that come one after the other."""
    taken_us: list[int] = []
    for _ in range(count):
        taken_us.append(free_phase_us(taken_us, count))
    return [phase_us / 1e3 for phase_us in taken_us]


def cell(outcome: Outcome) -> str:
    """Median and longest latency."""
    latencies = [latency for session in outcome.latencies_ms for latency in session]
    return f"{statistics.median(latencies):.0f} / {max(latencies):.0f}"


def rows(options: Options) -> Iterator[str]:
    """Lines of the table."""
    for ranks in options.ranks:
        times = options.times(ranks)
        promised = session_capacity(max(times.thinker_ms, times.performer_ms))
        for lag in options.lags:
            for count in range(1, promised + 2):
                phases_ms = admitted_phases_ms(count)
                apart, together = (
                    simulate(in_phases(phases, options.units), times, lag=lag, hop_ms=options.hop)
                    for phases in (phases_ms, [0.0] * count)
                )
                busy = f"{apart.busy_share('thinker'):.0%} / {apart.busy_share('performer'):.0%}"
                verdict = "promised" if count <= promised else "refused"
                yield f"| {ranks} | {lag} | {count} | {verdict} | {cell(apart)} | {cell(together)} | {busy} |"


def main() -> None:
    """Simulates and prints the table, in Markdown."""
    options = tyro.cli(Options, description=__doc__)
    print("| ranks | lag | sessions | | in phases: median / longest ms | in one phase | busy: thinker / performer |")
    print("|---|---|---|---|---|---|---|")
    print(*rows(options), sep="\n")


if __name__ == "__main__":
    main()
