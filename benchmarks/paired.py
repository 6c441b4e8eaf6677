"""Two ways to do the same, timed in turns: what a busy machine does to one, it does to the other."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Call = Callable[[], object]


@dataclass(frozen=True)
class Cost:
    """What one call took: by the clock on the wall, and of this process's processor time, in milliseconds."""

    wall_ms: float
    processor_ms: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """Rounds of one comparison.

    Attributes:
        per: how many units, tokens or frames one call is for.
    """

    name: str
    ours: Sequence[Cost]
    peer: Sequence[Cost]
    per: int = 1


def cost_of(call: Call) -> Cost:
    """Runs it once."""
    wall_s, processor_s = time.perf_counter(), time.process_time()
    call()
    return Cost((time.perf_counter() - wall_s) * 1e3, (time.process_time() - processor_s) * 1e3)


def in_turns(name: str, ours: Call, peer: Call, *, rounds: int, per: int = 1) -> Row:
    """One of each to warm up, then one of each a round, now the one first and now the other."""
    calls, costs = (ours, peer), ([], [])  # type: tuple[Call, Call], tuple[list[Cost], list[Cost]]
    for round_ in range(-1, rounds):
        for which in (0, 1) if round_ % 2 else (1, 0):
            cost = cost_of(calls[which])
            if round_ >= 0:
                costs[which].append(cost)
    return Row(name=name, ours=costs[0], peer=costs[1], per=per)


def line(row: Row) -> str:
    """A row of a Markdown table: medians of processor time, and ratios of the pairs with their middle half."""
    medians = (statistics.median(cost.processor_ms for cost in side) * 1e3 / row.per for side in (row.ours, row.peer))
    cells = [f"{median:.0f}" for median in medians]
    for kind in ("processor_ms", "wall_ms"):
        pairs = zip(row.ours, row.peer, strict=True)
        low, middle, high = statistics.quantiles((getattr(a, kind) / getattr(b, kind) for a, b in pairs), n=4)
        cells.append(f"{middle:.2f} ({low:.2f}-{high:.2f})")
    return f"| {row.name} | {' | '.join(cells)} |"


# The last column is filled by who knows what there is to count.
HEADER = "| {} | ours us | peer us | ratio, processor time | ratio, wall | {} |\n|---|---|---|---|---|---|"
