"""`python -m wan_streamer.eval list | setup | validate | fit-lips`: what `wan-streamer eval ...` starts."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import arg, subcommand

from wan_streamer.eval.command import set_up, show_judges
from wan_streamer.eval.judges import all_judges
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.program import run_program


@dataclass(frozen=True, kw_only=True)
class Task:
    """What all tasks share."""

    cache: Path = field(default_factory=default_root)
    """Folder of the cache."""


@dataclass(frozen=True, kw_only=True)
class List(Task):
    """Show every judge, what it measures, and whether it can run here."""


@dataclass(frozen=True, kw_only=True)
class Setup(Task):
    """Fetch the judges' models and make MediaPipe's environment. What is there already needs no network."""


@dataclass(frozen=True, kw_only=True)
class Validate(Task):
    """Put every judge to cases whose answer is known."""

    out: Annotated[Path | None, arg(aliases=["-o"], metavar="PATH")] = None
    """JSON file for the findings."""


@dataclass(frozen=True, kw_only=True)
class FitLips(Task):
    """Fit what the lips judge hears anew (openness.npz), from films that it draws."""


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """Judges of speech and pictures."""

    task: Annotated[
        Annotated[List, subcommand("list", prefix_name=False)]
        | Annotated[Setup, subcommand("setup", prefix_name=False)]
        | Annotated[Validate, subcommand("validate", prefix_name=False)]
        | Annotated[FitLips, subcommand("fit-lips", prefix_name=False)],
        arg(name=""),
    ]


def evaluate(options: EvalOptions, console: Console) -> None:
    """Does one of the tasks."""
    cache = DataCache(options.task.cache)
    match options.task:
        case Setup():
            set_up(cache, console)
        case Validate(out=out):
            _validate(cache, out, console)
        case FitLips():
            _fit_lips(cache, console)
        case _:
            show_judges(all_judges(cache), console)


def _validate(cache: DataCache, out: Path | None, console: Console) -> None:
    # They need the data factory, which the list of judges does not.
    from wan_streamer.eval.validation.run import show_findings, validate_all, write_findings

    findings = validate_all(cache, console)
    show_findings(findings, console)
    if out is not None:
        write_findings(findings, out)


def _fit_lips(cache: DataCache, console: Console) -> None:
    from wan_streamer.eval.fit_lips import fit_lips

    fit_lips(cache, console)


if __name__ == "__main__":
    sys.exit(run_program(EvalOptions, evaluate))
