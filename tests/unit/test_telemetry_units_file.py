"""units.jsonl: client rows and span files become one line a unit."""

import json
import statistics
from pathlib import Path

import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.telemetry.flight import FlightRecorder
from wan_streamer.telemetry.summary import percentiles, summarize
from wan_streamer.telemetry.traces import configure_tracing
from wan_streamer.telemetry.units_file import ClientRow, read_units_file, write_units_file
from wan_streamer.unit import UNIT_US

ZERO_UNIX_US = 1_700_000_000_000_000


def client_row(unit_index: int, trace_id: str = "", outcome: str = "ON_TIME") -> ClientRow:
    capture_start_unix_us = ZERO_UNIX_US + unit_index * UNIT_US
    skipped = outcome == "SKIPPED"
    return {
        "unit_index": unit_index, "trace_id": trace_id, "session_id": "s1", "generation": 1, "epoch": 4,
        "outcome": outcome, "skip_reason": "OVERLOADED" if skipped else "",
        "capture_start_unix_us": capture_start_unix_us, "deadline_unix_us": capture_start_unix_us + 360_000,
        "emitted_unix_us": capture_start_unix_us + 250_000, "model_latency_ms": None if skipped else 80.0 + unit_index,
        "capture_to_playout_ms": None if skipped else 470.0, "missed_playout": False, "audio_lost": unit_index == 3,
        "video_lost": False, "text": "h\u00e9 \u2028</script>",
    }  # fmt: skip


def trace_units(trace_dir: Path, services: tuple[str, ...], unit_indexes: list[int]) -> dict[int, str]:
    """Writes span files as the services do; returns the trace id of each unit."""
    trace_ids: dict[int, str] = {}
    tracings = [configure_tracing(service, trace_dir=trace_dir) for service in services]
    recorders = [FlightRecorder(tracing) for tracing in tracings]
    for unit_index in unit_indexes:
        start_unix_us = ZERO_UNIX_US + unit_index * UNIT_US
        root = recorders[0].begin_root("s1", unit_index, 1, start_unix_us, "")
        root.add_stage("fill", start_unix_us * 1000, (start_unix_us + UNIT_US) * 1000)
        for recorder in recorders[1:]:
            flight = recorder.begin("s1", unit_index, root.traceparent)
            flight.add_stage("queue", start_unix_us * 1000 + 161_500_000, start_unix_us * 1000 + 161_750_000)
            flight.end()
        root.end()
        trace_ids[unit_index] = f"{root.trace_id:032x}"
    for tracing in tracings:
        tracing.shutdown()
    return trace_ids


def test_spans_of_all_processes_meet_their_unit(tmp_path: Path) -> None:
    """Rows come out sorted, each with the stages of its own trace in milliseconds since the capture of unit 0."""
    traces = trace_units(tmp_path / "traces", ("gateway", "thinker", "performer"), [0, 1, 2, 9])
    out = tmp_path / "out" / "units.jsonl"
    report = write_units_file((client_row(k, traces[k]) for k in (2, 0, 1)), tmp_path / "traces", out)
    assert (report.unit_count, report.span_count) == (3, 9)
    assert (report.untraced_unit_count, report.unreadable_line_count) == (0, 0)
    rows = read_units_file(out)
    assert [row["unit_index"] for row in rows] == [0, 1, 2]
    assert rows[1]["spans"] == [
        {"service": "gateway", "stage": "fill", "start_ms": 160.0, "duration_ms": 160.0},
        {"service": "performer", "stage": "queue", "start_ms": 321.5, "duration_ms": 0.25},
        {"service": "thinker", "stage": "queue", "start_ms": 321.5, "duration_ms": 0.25},
    ]
    assert {key: value for key, value in rows[1].items() if key != "spans"} == client_row(1, traces[1])


def test_cut_lines_are_counted_and_skipped(tmp_path: Path) -> None:
    """A process that was killed while it wrote costs its last line only, and the report says so."""
    traces = trace_units(tmp_path, ("gateway",), [0, 1])
    [path] = tmp_path.glob("gateway-*.jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    (tmp_path / "empty-1.jsonl").write_text("")
    report = write_units_file([client_row(k, traces[k]) for k in (0, 1)], tmp_path, tmp_path / "units.out")
    assert report.unreadable_line_count == 1
    assert report.span_count == 2


def test_units_without_a_trace_stay(tmp_path: Path) -> None:
    """Every unit of the client has a line, traced or not; a resumed run need not begin at unit 0."""
    report = write_units_file([client_row(8, "ab" * 16), client_row(7)], tmp_path, tmp_path / "u")
    assert report.untraced_unit_count == 2
    assert [row["unit_index"] for row in read_units_file(tmp_path / "u")] == [7, 8]
    assert write_units_file([], tmp_path, tmp_path / "u").unit_count == 0
    assert read_units_file(tmp_path / "u") == []


def test_wrong_rows_are_refused(tmp_path: Path) -> None:
    """Two rows for one unit, a row with a missing key and a file that is no units file say what is wrong."""
    with pytest.raises(InvalidInput, match="two rows for unit 3"):
        write_units_file([client_row(3), client_row(3)], tmp_path, tmp_path / "u")
    broken = client_row(3)
    del broken["text"]  # type: ignore[misc]
    with pytest.raises(InvalidInput, match="without text"):
        write_units_file([broken], tmp_path, tmp_path / "u")
    assert not (tmp_path / "u").exists()
    (tmp_path / "u").write_text("[1]\n")
    with pytest.raises(InvalidInput, match="u:1"):
        read_units_file(tmp_path / "u")
    (tmp_path / "u").write_text('{"unit_index": 0}\n{cut')
    with pytest.raises(InvalidInput, match="u:1 without"):
        read_units_file(tmp_path / "u")


def test_the_summary_counts_and_ranks(tmp_path: Path) -> None:
    """Outcomes are counted, skipped units have no latency, and stages are in the order in which a unit passes them."""
    traces = trace_units(tmp_path, ("gateway", "performer", "thinker"), [0, 1, 2, 3])
    outcomes = ["ON_TIME", "LATE", "SKIPPED", "ON_TIME"]
    rows = [client_row(k, traces[k], outcome) for k, outcome in enumerate(outcomes)]
    write_units_file(rows, tmp_path, tmp_path / "u")
    summary = summarize(read_units_file(tmp_path / "u"))
    assert (summary.on_time_count, summary.late_count, summary.skipped_count, summary.media_lost_count) == (2, 1, 1, 1)
    assert summary.model_latency is not None
    assert (summary.model_latency.count, summary.model_latency.max_ms) == (3, 83.0)
    found = [(stage.service, stage.stage, stage.time.count) for stage in summary.stages]
    assert found == [("gateway", "fill", 4), ("thinker", "queue", 4), ("performer", "queue", 4)]
    assert summarize([]).model_latency is None


def test_percentiles_agree_with_the_standard_library() -> None:
    """p50, p95 and p99 are the inclusive quantiles of Python's statistics."""
    times_ms = [float(7919 * n % 401) for n in range(257)]
    ours = percentiles([*times_ms, None])
    cuts = statistics.quantiles(times_ms, n=100, method="inclusive")
    assert ours is not None
    assert (ours.p50_ms, ours.p95_ms, ours.p99_ms) == pytest.approx((cuts[49], cuts[94], cuts[98]))
    assert json.dumps(ours.count) == "257"
