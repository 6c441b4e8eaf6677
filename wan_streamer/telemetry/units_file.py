"""units.jsonl: one line a unit, what the client saw joined with the spans of all processes."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from wan_streamer.errors import InvalidInput
from wan_streamer.unit import unit_start_us


class ClientRow(TypedDict):
    """What the client knows of one unit."""

    unit_index: int
    trace_id: str  # 32 hex digits; empty when the unit has no trace
    session_id: str
    generation: int
    epoch: int
    outcome: str  # ON_TIME, LATE or SKIPPED
    skip_reason: str  # empty unless SKIPPED
    capture_start_unix_us: int
    deadline_unix_us: int
    emitted_unix_us: int
    model_latency_ms: float | None  # None when SKIPPED
    capture_to_playout_ms: float | None  # None when SKIPPED
    missed_playout: bool
    audio_lost: bool
    video_lost: bool
    text: str


class StageSpan(TypedDict):
    """One stage of one unit in one service."""

    service: str
    stage: str
    start_ms: float  # since the capture of unit 0 began
    duration_ms: float


class UnitRow(ClientRow):
    """A line of units.jsonl."""

    spans: list[StageSpan]


@dataclass(frozen=True, kw_only=True)
class UnitsFileReport:
    """What went into a units file. Unreadable lines are those that a killed process left cut."""

    unit_count: int
    span_count: int
    untraced_unit_count: int
    unreadable_line_count: int


@dataclass(frozen=True, kw_only=True)
class _Stamped:
    service: str
    stage: str
    start_unix_ns: int
    end_unix_ns: int


def write_units_file(client_rows: Iterable[ClientRow], trace_dir: Path, out: Path) -> UnitsFileReport:
    """Joins the client's rows with the spans in `trace_dir/*.jsonl` by trace id and writes them, sorted by unit index.

    Call it when the services have flushed their spans (they do so every 200 ms, and at the end). Spans of other
    sessions and runs in the same folder are left out.

    Raises:
        InvalidInput: two rows for one unit, or a row without one of the keys of `ClientRow`.
    """
    rows = sorted(_checked(client_rows), key=lambda row: row["unit_index"])
    stamped, unreadable_line_count = _read_spans(trace_dir, {row["trace_id"] for row in rows} - {""})
    zero_ns = _zero_unix_us(rows) * 1000
    units: list[UnitRow] = [{**row, "spans": _spans(stamped.get(row["trace_id"], ()), zero_ns)} for row in rows]
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(out.name + ".tmp")
    unfinished.write_text("".join(json.dumps(unit, ensure_ascii=False) + "\n" for unit in units), encoding="utf-8")
    unfinished.replace(out)
    return UnitsFileReport(
        unit_count=len(units),
        span_count=sum(len(unit["spans"]) for unit in units),
        untraced_unit_count=sum(not unit["spans"] for unit in units),
        unreadable_line_count=unreadable_line_count,
    )


def read_units_file(path: Path) -> list[UnitRow]:
    """The rows of a units file.

    Raises:
        InvalidInput: a line is not a row of a units file.
    """
    rows: list[UnitRow] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line:
            continue
        try:
            row: UnitRow = json.loads(line)
        except ValueError as error:
            raise InvalidInput(f"got a line that is not JSON: {path.name}:{number}; write the file again") from error
        missing = sorted(UnitRow.__required_keys__ - row.keys()) if isinstance(row, dict) else ["all"]
        if missing:
            raise InvalidInput(f"got {path.name}:{number} without {', '.join(missing)}; expected a row of units.jsonl")
        rows.append(row)
    return rows


def _checked(rows: Iterable[ClientRow]) -> list[ClientRow]:
    by_index: dict[int, ClientRow] = {}
    for row in rows:
        missing = sorted(ClientRow.__required_keys__ - row.keys())
        if missing:
            raise InvalidInput(f"got a unit's row without {', '.join(missing)}; fill in every key of ClientRow")
        if row["unit_index"] in by_index:
            raise InvalidInput(f"got two rows for unit {row['unit_index']}, expected one; write one file a session")
        by_index[row["unit_index"]] = row
    return list(by_index.values())


def _read_spans(trace_dir: Path, wanted: set[str]) -> tuple[dict[str, list[_Stamped]], int]:
    spans: dict[str, list[_Stamped]] = defaultdict(list)
    unreadable_line_count = 0
    for path in sorted(trace_dir.glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            try:
                span = json.loads(line)
            except ValueError:
                unreadable_line_count += bool(line)
                continue
            stage = span["attributes"].get("stage")
            if stage and span["trace_id"] in wanted:
                spans[span["trace_id"]].append(
                    _Stamped(
                        service=span["service"],
                        stage=stage,
                        start_unix_ns=span["start_unix_ns"],
                        end_unix_ns=span["end_unix_ns"],
                    )
                )
    return spans, unreadable_line_count


def _zero_unix_us(rows: Sequence[ClientRow]) -> int:
    # The first row need not be unit 0: after a resume it is a later one.
    if not rows:
        return 0
    return rows[0]["capture_start_unix_us"] - unit_start_us(rows[0]["unit_index"])


def _spans(stamped: Iterable[_Stamped], zero_unix_ns: int) -> list[StageSpan]:
    return [
        {
            "service": span.service,
            "stage": span.stage,
            "start_ms": round((span.start_unix_ns - zero_unix_ns) / 1e6, 3),
            "duration_ms": round((span.end_unix_ns - span.start_unix_ns) / 1e6, 3),
        }
        for span in sorted(stamped, key=lambda span: (span.start_unix_ns, span.end_unix_ns))
    ]
