"""OTLP export, received by a gRPC server built from OpenTelemetry's own protos."""

from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.support.otlp import Receiver, otlp_receiver
from wan_streamer.telemetry.flight import FlightRecorder
from wan_streamer.telemetry.traces import configure_tracing

CAPTURE_UNIX_US = 1_700_000_000_000_000


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    with otlp_receiver() as running:
        yield running


def fly(endpoint: str) -> None:
    """Unit 5 through gateway, thinker, performer and client, each with its own tracing."""
    services = ("gateway", "thinker", "performer", "client")
    tracings = {service: configure_tracing(service, otlp_endpoint=endpoint) for service in services}
    recorders = {service: FlightRecorder(tracing) for service, tracing in tracings.items()}
    session = tracings["gateway"].session_traceparent("s1")
    unit = recorders["gateway"].begin_root("s1", 5, 1, CAPTURE_UNIX_US, session, epoch=2)
    think = recorders["thinker"].begin("s1", 5, unit.traceparent, generation=1, epoch=2)
    perform = recorders["performer"].begin("s1", 5, think.traceparent, generation=1, epoch=2)
    play = recorders["client"].begin("s1", 5, unit.traceparent, generation=1, epoch=2)
    for flight, stage in ((perform, "solve"), (think, "state"), (unit, "cut"), (play, "transit")):
        flight.add_stage(stage, CAPTURE_UNIX_US * 1000 + 1, CAPTURE_UNIX_US * 1000 + 2_000_001)
        flight.end("SKIPPED", skip_reason="ENGINE_FAULT")
    for tracing in tracings.values():
        assert tracing.shutdown(5.0)


def test_a_collector_gets_one_trace_with_parents_and_a_link(receiver: tuple[Receiver, str]) -> None:
    """What a collector decodes: the unit's spans of four services in one trace, linked to the session's span."""
    received, endpoint = receiver
    fly(endpoint)
    services = {span.name: service for service, span in received.spans}
    assert services == {
        "session": "gateway", "unit": "gateway", "gateway.cut": "gateway", "thinker.unit": "thinker",
        "thinker.state": "thinker", "performer.unit": "performer", "performer.solve": "performer",
        "client.unit": "client", "client.transit": "client",
    }  # fmt: skip
    session, root = received.named("session"), received.named("unit")
    assert root.parent_span_id == b""
    assert root.trace_id != session.trace_id
    [link] = root.links
    assert (link.trace_id, link.span_id) == (session.trace_id, session.span_id)
    for name, parent in (
        ("gateway.cut", "unit"),
        ("thinker.unit", "unit"),
        ("client.unit", "unit"),
        ("thinker.state", "thinker.unit"),
        ("performer.unit", "thinker.unit"),
        ("performer.solve", "performer.unit"),
        ("client.transit", "client.unit"),
    ):
        span = received.named(name)
        assert span.trace_id == root.trace_id
        assert span.parent_span_id == received.named(parent).span_id


def test_a_collector_gets_explicit_times_attributes_and_faults(receiver: tuple[Receiver, str]) -> None:
    """Spans keep the nanoseconds of their stamps, name session, unit, generation and epoch, and a fault is an error."""
    received, endpoint = receiver
    fly(endpoint)
    solve = received.named("performer.solve")
    assert solve.start_time_unix_nano == CAPTURE_UNIX_US * 1000 + 1
    assert solve.end_time_unix_nano == CAPTURE_UNIX_US * 1000 + 2_000_001
    root = received.named("unit")
    values = {item.key: item.value for item in root.attributes}
    assert values["session.id"].string_value == "s1"
    assert [values[key].int_value for key in ("unit.index", "generation", "epoch")] == [5, 1, 2]
    assert values["outcome"].string_value == "SKIPPED"
    assert root.status.code == Status.STATUS_CODE_ERROR
    assert root.start_time_unix_nano == CAPTURE_UNIX_US * 1000


def test_a_collector_that_is_away_does_not_hold_up_the_end() -> None:
    """With nobody listening, units go on and shutdown comes back in its time, saying that spans are lost."""
    tracing = configure_tracing("gateway", otlp_endpoint="http://127.0.0.1:1")
    FlightRecorder(tracing).begin_root("s1", 0, 1, CAPTURE_UNIX_US, "").end()
    assert not tracing.shutdown(0.3)
