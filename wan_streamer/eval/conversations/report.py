"""evaluation.md, which reads well as it is, and evaluation.json, which holds every trial."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from wan_streamer.eval.conversations.confusions import worst_intents
from wan_streamer.eval.conversations.names import COMMON, MODEL, RENDERED, SILENT, TRUTH
from wan_streamer.eval.conversations.performance import Performance
from wan_streamer.eval.conversations.rows.full_duplex_bench import MEASURES, PUBLISHED, DuplexScores
from wan_streamer.eval.conversations.score import Failed, NoTrials, Result, Score
from wan_streamer.eval.conversations.table_rows import Row
from wan_streamer.eval.evidence import Evidence
from wan_streamer.eval.judge import Unavailable
from wan_streamer.eval.table import NOTHING, Cell, Table, unavailable
from wan_streamer.train.data.sources.atomic import replace_file

MARKDOWN, JSON = "evaluation.md", "evaluation.json"
WORST: Final = 10
MISSED: Final = ": **missed**"
COLUMNS: Final = {
    MODEL: "the engine in one process, the unit step that serves, open loop",
    TRUTH: "the scripts' own agent through the codecs: the ceiling",
    SILENT: "digital silence and a still picture",
    COMMON: "the answer to the most frequent intent, 0.6 s after every turn to the agent",
    RENDERED: "the scripts' own agent without the codecs",
}


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that the report says.

    Attributes:
        rows: each row with its result by system.
        duplex: Full-Duplex-Bench's measures by system; empty when they were not asked for.
        notes: sentences on how it was made.
    """

    performances: tuple[Performance, ...]
    rows: tuple[tuple[Row, dict[str, Result]], ...]
    duplex: dict[str, DuplexScores]
    evidence: Evidence
    notes: tuple[str, ...]


def write_report(folder: Path, findings: Findings) -> None:
    """Writes both files.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # No endless numbers: JSON knows none.
    text = json.dumps(report_data(findings), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    replace_file(folder / JSON, text.encode())
    replace_file(folder / MARKDOWN, report_markdown(findings).encode())


def report_markdown(findings: Findings) -> str:
    """The report as it is read."""
    parts = ["# Held-out conversations", _introduction(findings), _main_table(findings).markdown()]
    parts += _confusions(findings)
    if findings.duplex:
        parts += [_duplex_table(findings.duplex).markdown()]
    made = "\n".join([findings.evidence.markdown(), *(f"- {note}" for note in findings.notes)])
    return "\n\n".join([*parts, "### How it was made", made]) + "\n"


def report_data(findings: Findings) -> dict[str, Any]:
    """The report as data."""
    return {
        "rows": [_row_data(row, results, findings) for row, results in findings.rows],
        "full_duplex_bench": {name: asdict(scores) for name, scores in findings.duplex.items()},
        "confusions": {
            one.system: [asdict(confusion) for confusion in worst_intents(one.talks, len(one.talks) * WORST)]
            for one in findings.performances
        },
        "evidence": asdict(findings.evidence),
        "notes": list(findings.notes),
    }


def _introduction(findings: Findings) -> str:
    talks = findings.performances[0].talks
    minutes = sum(judged.timeline.duration_us for judged in talks) / 60e6
    columns = "\n".join(f"- {one.system}: {COLUMNS[one.system]}" for one in findings.performances)
    return (
        f"{len(talks)} conversations of {minutes:.0f} minutes in all, with synthetic voices and rendered faces: the "
        f"scores are of these. In brackets the 95 % interval and the number of trials.\n\n{columns}"
    )


def _main_table(findings: Findings) -> Table:
    systems = [one.system for one in findings.performances]
    rows = [
        (row.title, (_bound(row, row.must), _bound(row, row.aim), *(_cell(row, results[s], s) for s in systems)))
        for row, results in findings.rows
    ]
    return Table(
        title="What the agent does",
        corner="measure",
        columns=("must reach", "aim", *systems),
        rows=tuple(rows),
        notes=(
            "Shares: Wilson's interval; rates: Garwood's; means: 1,000 bootstraps over conversations. What each row "
            "counts is said in its function in `wan_streamer/eval/conversations/rows/`.",
        ),
    )


def _bound(row: Row, wanted: float | None) -> Cell:
    if wanted is None:
        return NOTHING
    if row.better == "level":
        return Cell(text=f"no trend, +-{wanted:g}", value=wanted)
    return Cell(text=_number(row, wanted, bound=True), value=wanted)


def _cell(row: Row, result: Result, system: str) -> Cell:
    if isinstance(result, Unavailable):
        return unavailable(result.reason)
    if isinstance(result, NoTrials):
        return Cell(text=result.reason)
    if isinstance(result, Failed):
        return Cell(text=result.reason + (MISSED if system == MODEL else ""))
    inside = [] if result.low is None or result.high is None else [_interval(row, result)]
    inside += [f"{result.counted} {result.count}", *([result.note] if result.note else [])]
    text = f"{_number(row, result.value)} ({', '.join(inside)})"
    return Cell(text=text + _grade(row, result, system), value=result.value)


def _grade(row: Row, score: Score, system: str) -> str:
    if system != MODEL or row.must is None:
        return ""
    if row.reaches(score, row.aim):
        return ": aim reached"
    return ": reached" if row.reaches(score, row.must) else MISSED


def _number(row: Row, value: float, *, bound: bool = False) -> str:
    scale = 100 if row.unit == "%" else 1
    sign = {"more": ">= ", "less": "<= "}.get(row.better, "") if bound else ""
    unit = {"%": " %", "": ""}.get(row.unit, row.unit)
    digits = row.digits if not bound or (value * scale) % 1 else 0
    return f"{sign}{value * scale:.{digits}f}{unit}"


def _interval(row: Row, score: Score) -> str:
    scale = 100 if row.unit == "%" else 1
    assert score.low is not None
    assert score.high is not None
    return f"{score.low * scale:.{row.digits}f} to {score.high * scale:.{row.digits}f}"


def _confusions(findings: Findings) -> list[str]:
    chosen = next((one for one in findings.performances if one.system == MODEL), findings.performances[0])
    if not any(row.title.startswith("right answer") for row, _ in findings.rows):
        return []
    rows = []
    for one in worst_intents(chosen.talks, WORST):
        instead = ", ".join(f"{name} {count}" for name, count in one.instead)
        rows.append((one.intent, (Cell(text=f"{one.right} of {one.count}"), Cell(text=instead))))
    if not rows:
        return [f"### What the {chosen.system} answers instead\n\nEvery answer that was asked for came."]
    table = Table(
        title=f"What the {chosen.system} answers instead, the {len(rows)} worst intents",
        corner="intent",
        columns=("right", "heard instead"),
        rows=tuple(rows),
    )
    return [table.markdown()]


def _duplex_table(duplex: dict[str, DuplexScores]) -> Table:
    columns = [*duplex.items(), *PUBLISHED]
    rows = [
        (title, tuple(Cell(text="" if (value := of(scores)) is None else f"{value:.3f}") for _, scores in columns))
        for title, of in MEASURES
    ]
    return Table(
        title="Full-Duplex-Bench's measures",
        corner="measure",
        columns=tuple(name for name, _ in columns),
        rows=tuple(rows),
        notes=(
            "By the formulas of Lin et al., arXiv 2503.04721, section III-B; the published numbers are of its Table "
            "III. **The data differ**: theirs are recordings of people (Candor, ICC) and general questions with "
            "synthetic pauses and interruptions, ours are scripted questions to a front desk in synthetic voices, "
            "so the columns cannot be ranked against each other. Our agent is never scripted to murmur, and "
            'a short answer ("All right.") is a backchannel by these formulas.',
        ),
    )


def _row_data(row: Row, results: dict[str, Result], findings: Findings) -> dict[str, Any]:
    by_system = {one.system: one for one in findings.performances}
    systems = {}
    for system, result in results.items():
        content: dict[str, Any] = asdict(result)
        if row.trials is not None and isinstance(result, Score):
            content["trials"] = [
                {"conversation": judged.name, **asdict(trial)}
                for judged in by_system[system].talks
                for trial in row.trials(judged)
            ]
        systems[system] = content
    return {"title": row.title, "must": row.must, "aim": row.aim, "better": row.better, "systems": systems}
