"""The flight recorder: stamps in, spans and metrics out."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry

from wan_streamer.errors import InvalidInput
from wan_streamer.telemetry.flight import FlightRecorder
from wan_streamer.telemetry.metrics import ServiceMetrics
from wan_streamer.telemetry.traceparent import format_traceparent, parse_traceparent
from wan_streamer.telemetry.traces import configure_tracing

CAPTURE_UNIX_US = 1_700_000_000_000_000


def read_spans(trace_dir: Path) -> dict[str, dict]:
    lines = [line for path in trace_dir.glob("*.jsonl") for line in path.read_text().splitlines()]
    return {span["name"]: span for span in map(json.loads, lines)}


def test_a_unit_is_one_trace_across_processes_with_a_link_to_its_session(tmp_path: Path) -> None:
    """Gateway, thinker and performer put their spans below each other in one trace, and the root is linked."""
    with (
        configure_tracing("gateway", trace_dir=tmp_path) as gateway,
        configure_tracing("thinker", trace_dir=tmp_path) as thinker,
        configure_tracing("performer", trace_dir=tmp_path) as performer,
    ):
        session = gateway.session_traceparent("s1")
        unit = FlightRecorder(gateway).begin_root("s1", 7, 2, CAPTURE_UNIX_US, session, epoch=3)
        think = FlightRecorder(thinker).begin("s1", 7, unit.traceparent, generation=2, epoch=3)
        perform = FlightRecorder(performer).begin("s1", 7, think.traceparent)
        with perform.stage("solve"):
            pass
        perform.end()
        with think.stage("state"):
            pass
        think.end()
        unit.add_stage("fill", CAPTURE_UNIX_US * 1000, CAPTURE_UNIX_US * 1000 + 160_000_000)
        unit.end("LATE", audio_lost=True)

    spans = read_spans(tmp_path)
    assert len({spans[name]["trace_id"] for name in spans if name != "session"}) == 1
    parents = {name: span["parent_span_id"] for name, span in spans.items()}
    ids = {name: span["span_id"] for name, span in spans.items()}
    assert parents["session"] is None
    assert parents["unit"] is None
    assert parents["thinker.unit"] == parents["gateway.fill"] == ids["unit"]
    assert parents["performer.unit"] == parents["thinker.state"] == ids["thinker.unit"]
    assert parents["performer.solve"] == ids["performer.unit"]
    assert spans["unit"]["links"] == [{"trace_id": spans["session"]["trace_id"], "span_id": ids["session"]}]
    assert spans["unit"]["attributes"] == {
        "session.id": "s1", "unit.index": 7, "generation": 2, "epoch": 3, "outcome": "LATE", "audio_lost": True,
    }  # fmt: skip
    assert spans["unit"]["start_unix_ns"] == CAPTURE_UNIX_US * 1000
    fill = spans["gateway.fill"]
    assert fill["end_unix_ns"] - fill["start_unix_ns"] == 160_000_000


def test_a_stage_is_stamped_also_when_it_fails(tmp_path: Path) -> None:
    """An error passes through a stage, which still has its start and its end."""
    tracing = configure_tracing("thinker", trace_dir=tmp_path)
    flight = FlightRecorder(tracing).begin("s1", 0, "")
    before = time.time_ns()
    with pytest.raises(ZeroDivisionError), flight.stage("state"):
        1 / 0  # noqa: B018
    [(name, start, end)] = flight.stages
    assert name == "state"
    assert before <= start <= end <= time.time_ns()
    tracing.shutdown()


def test_the_first_end_counts_and_a_unit_lasts_until_its_last_stage(tmp_path: Path) -> None:
    """A later `end` changes nothing, and a stage that ends in the future (waiting for playout) is inside its unit."""
    with configure_tracing("client", trace_dir=tmp_path) as tracing:
        recorder = FlightRecorder(tracing)
        flight = recorder.begin("s1", 0, "", start_unix_ns=1000)
        later = time.time_ns() + 5_000_000_000
        flight.add_stage("playout_wait", time.time_ns(), later)
        flight.add_stage("transit", 2000, 1000)
        flight.end("ON_TIME")
        flight.end("SKIPPED")
        assert len(recorder.recent) == 1
    unit = read_spans(tmp_path)["client.unit"]
    assert unit["attributes"]["outcome"] == "ON_TIME"
    assert (unit["start_unix_ns"], unit["end_unix_ns"]) == (1000, later)
    assert read_spans(tmp_path)["client.transit"]["end_unix_ns"] == 2000


def test_late_sampling_drops_a_finished_unit_but_still_counts_it(tmp_path: Path) -> None:
    """With `late` a unit on time leaves metrics and the ring of recent flights, but no spans."""
    registry = CollectorRegistry()
    with configure_tracing("gateway", trace_dir=tmp_path, sampling="late", sample_ratio=0.0) as tracing:
        recorder = FlightRecorder(tracing, ServiceMetrics("gateway", registry))
        for unit_index, outcome in enumerate(("ON_TIME", "ON_TIME", "LATE", "ON_TIME", "ON_TIME")):
            recorder.begin_root("s1", unit_index, 1, CAPTURE_UNIX_US, "").end(outcome)
        assert [flight.unit_index for flight in recorder.recent] == [0, 1, 2, 3, 4]
    lines = [json.loads(line) for path in tmp_path.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert [line["attributes"]["unit.index"] for line in lines] == [1, 2, 3]
    labels = {"service": "gateway", "group": "", "outcome": "ON_TIME", "reason": ""}
    assert registry.get_sample_value("wan_streamer_units_total", labels) == 4


def test_recent_flights_are_bounded() -> None:
    """A process that runs for days keeps only the last flights."""
    tracing = configure_tracing("thinker")
    recorder = FlightRecorder(tracing)
    for unit_index in range(200):
        recorder.begin("s1", unit_index, "").end()
    assert [flight.unit_index for flight in recorder.recent] == list(range(136, 200))
    tracing.shutdown()


def test_wrong_settings_are_refused() -> None:
    """An endpoint without a scheme and an unknown sampling say what is expected."""
    with pytest.raises(InvalidInput, match="expected http://host:port"):
        configure_tracing("gateway", otlp_endpoint="collector:4317")
    with pytest.raises(InvalidInput, match="expected one of: all, late"):
        configure_tracing("gateway", sampling="some")
    with pytest.raises(ValueError, match="expected 0 to 1"):
        FlightRecorder(configure_tracing("gateway", sampling="late", sample_ratio=1.5))


def oracle(text: str) -> trace.SpanContext:
    context = TraceContextTextMapPropagator().extract({"traceparent": text}, context=trace.Context())
    return trace.get_current_span(context).get_span_context()


@given(st.integers(0, (1 << 128) - 1), st.integers(0, (1 << 64) - 1), st.integers(0, 255), st.sampled_from("0123ef"))
def test_traceparent_agrees_with_opentelemetry(trace_id: int, span_id: int, flags: int, version: str) -> None:
    """What we read of a traceparent is what OpenTelemetry's own propagator reads, and writing gives it back."""
    text = f"0{version}-{trace_id:032x}-{span_id:016x}-{flags:02x}"
    expected = oracle(text)
    parsed = parse_traceparent(text)
    if not expected.is_valid:
        assert parsed is None
        return
    assert parsed is not None
    assert (parsed.trace_id, parsed.span_id, parsed.trace_flags) == (trace_id, span_id, expected.trace_flags)
    if version == "0":
        assert format_traceparent(parsed) == text


@pytest.mark.parametrize(
    "text",
    ["", "garbage", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "ff-" + "1" * 32 + "-" + "1" * 16 + "-01",
     "00-" + "1" * 32 + "-" + "1" * 16 + "-01-more", "00-" + "A" * 32 + "-" + "1" * 16 + "-01", "00-1-1-01\n"],
)  # fmt: skip
def test_an_invalid_traceparent_begins_a_new_trace(text: str) -> None:
    """Text that is no trace context never fails a unit: it gets a trace of its own."""
    assert parse_traceparent(text) is None
    tracing = configure_tracing("thinker")
    flight = FlightRecorder(tracing).begin("s1", 0, text)
    assert oracle(flight.traceparent).is_valid
    tracing.shutdown()
