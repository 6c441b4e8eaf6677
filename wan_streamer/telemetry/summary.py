"""What a run comes to: the numbers of the console's table and of the timeline, from one place."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from wan_streamer.telemetry.units_file import UnitRow

# Order in which a unit passes through; unknown names come after these.
SERVICES = ("client", "gateway", "thinker", "performer")
STAGES = {
    "client": ("transit", "playout_wait"),
    "gateway": ("fill", "cut", "forward", "encode"),
    "thinker": ("queue", "encode", "turn", "state", "text", "slice", "latents", "decode", "commit"),
    "performer": ("queue", "append", "solve", "clean"),
}


@dataclass(frozen=True, kw_only=True)
class Percentiles:
    """Milliseconds; linear interpolation between ranks."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, kw_only=True)
class StageSummary:
    """One stage over all units."""

    service: str
    stage: str
    time: Percentiles


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """All units of a run. A latency is None when no unit has one."""

    unit_count: int
    on_time_count: int
    late_count: int
    skipped_count: int
    missed_playout_count: int
    media_lost_count: int
    model_latency: Percentiles | None
    capture_to_playout: Percentiles | None
    stages: tuple[StageSummary, ...]


def summarize(rows: Sequence[UnitRow]) -> RunSummary:
    """Counts the outcomes of the rows of a units file and takes the percentiles of its times."""
    outcomes = [row["outcome"] for row in rows]
    return RunSummary(
        unit_count=len(rows),
        on_time_count=outcomes.count("ON_TIME"),
        late_count=outcomes.count("LATE"),
        skipped_count=outcomes.count("SKIPPED"),
        missed_playout_count=sum(row["missed_playout"] for row in rows),
        media_lost_count=sum(row["audio_lost"] or row["video_lost"] for row in rows),
        model_latency=percentiles(row["model_latency_ms"] for row in rows),
        capture_to_playout=percentiles(row["capture_to_playout_ms"] for row in rows),
        stages=_stages(rows),
    )


def percentiles(times_ms: Iterable[float | None]) -> Percentiles | None:
    """Percentiles of the times that are not None; None when there are none."""
    known = [time_ms for time_ms in times_ms if time_ms is not None]
    if not known:
        return None
    p50, p95, p99 = np.percentile(known, (50, 95, 99))
    return Percentiles(count=len(known), p50_ms=float(p50), p95_ms=float(p95), p99_ms=float(p99), max_ms=max(known))


def stage_order(service: str, stage: str) -> tuple[int, str, int, str]:
    """Sort key that puts stages in the order in which a unit passes through them."""
    stages = STAGES.get(service, ())
    return (
        SERVICES.index(service) if service in SERVICES else len(SERVICES),
        service,
        stages.index(stage) if stage in stages else len(stages),
        stage,
    )


def _stages(rows: Iterable[UnitRow]) -> tuple[StageSummary, ...]:
    times_ms: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        for span in row["spans"]:
            times_ms[span["service"], span["stage"]].append(span["duration_ms"])
    found = []
    for service, stage in sorted(times_ms, key=lambda key: stage_order(*key)):
        time = percentiles(times_ms[service, stage])
        assert time is not None
        found.append(StageSummary(service=service, stage=stage, time=time))
    return tuple(found)
