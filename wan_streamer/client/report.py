"""What the console shows: progress while a file plays, tables and sentences after it."""

import asyncio
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from wan_streamer.client.conversation import Conversation
from wan_streamer.client.events import Outcome
from wan_streamer.client.results import ResultFiles
from wan_streamer.client.talk import Talk
from wan_streamer.telemetry.summary import Percentiles, RunSummary

PROGRESS_INTERVAL_S: Final = 0.1
UNTRAINED_SENTENCE: Final = (
    "The weights are untrained ({description}): the agent's pictures and sound are real output of the model, "
    "but they mean nothing yet."
)


def weights_sentence(model_description: str) -> str:
    """One plain sentence about the weights; empty when they are trained."""
    return UNTRAINED_SENTENCE.format(description=model_description) if "untrained" in model_description else ""


async def show_progress(console: Console, talk: Talk, duration_us: int | None) -> None:
    """Shows where the talk is until it is cancelled. `duration_us` is that of the file, None when unknown."""
    total_s = None if duration_us is None else duration_us / 1e6
    of = "" if total_s is None else f" of {total_s:.1f}"
    columns = (
        SpinnerColumn(),
        TextColumn("talking"),
        BarColumn(),
        TextColumn("{task.fields[position]}"),
        TextColumn("{task.fields[units]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("talk", total=total_s, position="", units="")
        while True:
            position_s = talk.position_us / 1e6
            words = _unit_words(talk.conversation)
            progress.update(task, completed=position_s, position=f"{position_s:.1f}{of} s", units=words)
            await asyncio.sleep(PROGRESS_INTERVAL_S)


def _unit_words(conversation: Conversation | None) -> str:
    if conversation is None:
        return ""
    outcomes = [played.unit.outcome for played in conversation.units]
    late = outcomes.count(Outcome.LATE)
    skipped = outcomes.count(Outcome.SKIPPED)
    return f"{len(outcomes)} units, {late} late, {skipped} skipped"


def show_summary(console: Console, summary: RunSummary, files: ResultFiles) -> None:
    """Prints the tables of a run and where its files are."""
    console.print(_counts(summary), _times(summary))
    labels = (
        (files.reply, "the agent's picture and sound"),
        (files.conversation, "visitor and agent side by side"),
        (files.units, "one trace a unit"),
        (files.timeline, "the units and their stages, drawn; open it in a browser"),
        (files.transcript, "the agent's words"),
    )
    for path, label in labels:
        if path.exists():
            console.print(f"  {path}  [dim]{label}[/dim]", highlight=False, soft_wrap=True)


def _counts(summary: RunSummary) -> Table:
    counts = {
        "units": summary.unit_count,
        "on time": summary.on_time_count,
        "late": summary.late_count,
        "skipped": summary.skipped_count,
        "missed playout": summary.missed_playout_count,
        "lost media": summary.media_lost_count,
    }
    table = Table(box=box.SIMPLE_HEAD)
    for name in counts:
        table.add_column(name, justify="right")
    table.add_row(*(str(count) for count in counts.values()))
    return table


def _times(summary: RunSummary) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("milliseconds")
    for name in ("p50", "p95", "p99", "max"):
        table.add_column(name, justify="right")
    _add_times(table, "model-side latency", summary.model_latency)
    _add_times(table, "capture to playout", summary.capture_to_playout)
    service = ""
    for stage in summary.stages:
        if stage.service != service:
            service = stage.service
            table.add_section()
        _add_times(table, f"{stage.service} {stage.stage}", stage.time)
    return table


def _add_times(table: Table, name: str, times: Percentiles | None) -> None:
    if times is None:
        table.add_row(name, "-", "-", "-", "-")
        return
    values = (times.p50_ms, times.p95_ms, times.p99_ms, times.max_ms)
    table.add_row(name, *(f"{value:.1f}" for value in values))
