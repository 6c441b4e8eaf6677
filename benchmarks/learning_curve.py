"""What did a chain of runs learn from how much compute? A Markdown table of validation losses, to plan the next run.

    .venv/bin/python benchmarks/learning_curve.py stage-1-voice stage-1-sound   # run folders, in the order of training

Compute is the matrix products of the backbone, forward and backward, of all the runs so far. The last row of a run is
its slope: what a loss is multiplied with when the run's compute doubles (between its half and its end).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional, arg

from wan_streamer.train.progress import VALIDATION
from wan_streamer.train.run_folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which runs."""

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN")]
    """Folders of runs, each begun with the weights of the one before."""
    rows: int = 6
    """Most rows of a run."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """Validation losses after a step; compute and hours are the run's own so far."""

    step: int
    pflop: float
    hours: float
    losses: dict[str, float]


def read_points(run: Path) -> list[Point]:
    """The validations of a run."""
    points: list[Point] = []
    pflop = seconds = 0.0
    last_step = 0
    for line in RunFolder(run).metrics.read_text("utf-8").splitlines():
        record = json.loads(line)
        if "seconds_per_step" in record:
            took = record["seconds_per_step"] * (record["step"] - last_step)
            last_step, seconds = record["step"], seconds + took
            pflop += record["tflop_per_s"] * took / 1000
        losses = {name.removeprefix(VALIDATION): value for name, value in record.items() if name.startswith(VALIDATION)}
        if losses:
            points.append(Point(step=record["step"], pflop=pflop, hours=seconds / 3600, losses=losses))
    return points


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Evenly spaced ones, the last among them."""
    every = -(-len(points) // most)
    return [point for number, point in enumerate(reversed(points)) if number % every == 0][::-1]


def slopes(points: Sequence[Point]) -> dict[str, float]:
    """Each loss at the end, relative to that at the validation nearest to half of the compute."""
    end = points[-1]
    half = min(points, key=lambda point: abs(point.pflop - end.pflop / 2))
    return {name: value / half.losses[name] for name, value in end.losses.items() if half.losses.get(name)}


def table(runs: Sequence[tuple[str, Sequence[Point]]], most: int) -> str:
    """The Markdown table."""
    names = list(dict.fromkeys(name for _, points in runs for point in points for name in point.losses))
    lines = [f"| run | step | PFLOP | hours | {' | '.join(names)} |", "|---" * (4 + len(names)) + "|"]

    def row(head: str, values: dict[str, float]) -> str:
        return f"| {head} | " + " | ".join(f"{values[name]:.3f}" if name in values else "" for name in names) + " |"

    pflop = hours = 0.0
    for run, points in runs:
        lines += [
            row(f"{run} | {point.step} | {pflop + point.pflop:.2f} | {hours + point.hours:.1f}", point.losses)
            for point in thinned(points, most)
        ]
        if len(points) > 1:
            lines.append(row(f"{run}, compute doubled | | x 2 | ", slopes(points)))
        pflop, hours = pflop + points[-1].pflop, hours + points[-1].hours
    return "\n".join(lines)


def main(options: Options) -> None:
    """Prints the table."""
    runs = [(run.name, read_points(run)) for run in options.runs]
    empty = [name for name, points in runs if not points]
    if empty:
        raise SystemExit(f"got runs without a validation: {', '.join(empty)}; expected runs of a stage")
    print(table(runs, options.rows))


if __name__ == "__main__":
    main(tyro.cli(Options))
