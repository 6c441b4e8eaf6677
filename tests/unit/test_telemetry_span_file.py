"""Span files survive what happens to processes."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from wan_streamer.telemetry.flight import FlightRecorder
from wan_streamer.telemetry.span_file import SpanFileExporter
from wan_streamer.telemetry.traces import configure_tracing


def test_nothing_is_lost_at_shutdown(tmp_path: Path) -> None:
    """Spans that wait for the next batch are in the file when shutdown returns; ending flights later does no harm."""
    tracing = configure_tracing("gateway", trace_dir=tmp_path)
    recorder = FlightRecorder(tracing)
    for unit_index in range(300):
        recorder.begin_root("s1", unit_index, 1, 0, "").end()
    assert tracing.shutdown()
    assert tracing.shutdown()
    recorder.begin_root("s1", 300, 1, 0, "").end()
    lines = [line for path in tmp_path.glob("gateway-*.jsonl") for line in path.read_text().splitlines()]
    assert [json.loads(line)["attributes"]["unit.index"] for line in lines] == list(range(300))


def test_a_killed_process_leaves_whole_lines(tmp_path: Path) -> None:
    """After SIGKILL what was exported can be read line by line, but for a last line that was being written."""
    script = textwrap.dedent("""
        import sys, pathlib
        from wan_streamer.telemetry.flight import FlightRecorder
        from wan_streamer.telemetry.traces import configure_tracing
        recorder = FlightRecorder(configure_tracing("thinker", trace_dir=pathlib.Path(sys.argv[1])))
        unit_index = 0
        while True:
            flight = recorder.begin("s1", unit_index, "")
            with flight.stage("state"):
                pass
            flight.end()
            unit_index += 1
            if unit_index == 2000:
                print("ready", flush=True)
    """)
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [path] = tmp_path.glob("thinker-*.jsonl")
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    assert len([json.loads(line) for line in whole.split(b"\n")]) >= 1000


def test_a_cut_line_of_a_predecessor_is_ended(tmp_path: Path) -> None:
    """A process that gets the id of a killed one does not write on into its half line."""
    path = tmp_path / "gateway-1.jsonl"
    path.write_text('{"trace_id": "aa"}\n{"trace')
    SpanFileExporter(path).shutdown()
    assert path.read_text() == '{"trace_id": "aa"}\n{"trace\n'
    SpanFileExporter(path).shutdown()
    assert path.read_text().count("\n") == 2
