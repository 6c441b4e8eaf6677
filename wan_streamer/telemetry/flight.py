"""The flight recorder: a unit's way through one process, stamped while it happens, made into spans after it has ended.

    flight = recorder.begin(session_id, unit_index, header.traceparent)
    with flight.stage("encode"):
        ...
    flight.end(outcome="ON_TIME", model_latency_ms=83.1)

A stamp is two readings of the clock and one append; spans and metrics are made in `end`.
"""

import time
from collections import deque
from types import TracebackType

from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    set_span_in_context,
)

from wan_streamer.telemetry.metrics import ServiceMetrics
from wan_streamer.telemetry.sampling import ON_TIME, Sampler, make_sampler
from wan_streamer.telemetry.traceparent import format_traceparent, parse_traceparent
from wan_streamer.telemetry.traces import Tracing

AttributeValue = str | bool | int | float

# "An engine fault" as the protos name it: such a unit is an error in the eyes of a trace viewer.
_FAULT = "ENGINE_FAULT"
_RECENT_COUNT = 64


class Flight:
    """One unit in one process. Made by `FlightRecorder`; stages may be stamped from any thread."""

    __slots__ = (
        "_recorder",
        "_span",
        "attributes",
        "end_unix_ns",
        "outcome",
        "parts",
        "session_id",
        "stages",
        "unit_index",
    )

    def __init__(
        self, recorder: "FlightRecorder", span: Span, session_id: str, unit_index: int, **attributes: AttributeValue
    ) -> None:
        self._recorder = recorder
        self._span = span
        self.session_id = session_id
        self.unit_index = unit_index
        self.attributes = attributes
        self.outcome = ""
        self.end_unix_ns = 0
        self.stages: list[tuple[str, int, int]] = []
        self.parts: list[tuple[str, int, int, dict[str, AttributeValue]]] = []

    @property
    def trace_id(self) -> int:
        """The unit's trace, the same in every process."""
        return self._span.get_span_context().trace_id

    @property
    def traceparent(self) -> str:
        """Context for the next hop: goes into `UnitHeader.traceparent`."""
        return format_traceparent(self._span.get_span_context())

    def stage(self, name: str) -> "Stage":
        """A context manager that stamps the start and the end of a stage, also when it raises."""
        return Stage(self, name)

    def add_stage(self, name: str, start_unix_ns: int, end_unix_ns: int) -> None:
        """Records a stage that was timed elsewhere, in ns since 1970; one that ends before it starts is 0 long."""
        self.stages.append((name, start_unix_ns, max(start_unix_ns, end_unix_ns)))

    def add_part(self, name: str, start_unix_ns: int, end_unix_ns: int, **attributes: AttributeValue) -> None:
        """Records what another process did within one of the stages: a span like theirs, of which no metric knows."""
        self.parts.append((name, start_unix_ns, max(start_unix_ns, end_unix_ns), attributes))

    def end(self, outcome: str = ON_TIME, **attributes: AttributeValue) -> None:
        """Closes the flight: observes metrics and makes the spans. The first call counts, later ones do nothing.

        Args:
            outcome: ON_TIME, LATE or SKIPPED.
            attributes: go on the unit's span. These are also metrics: `skip_reason`, `audio_lost`, `video_lost`,
                `model_latency_ms`, `capture_to_emission_ms`, `capture_to_playout_ms`.
        """
        if self.outcome:
            return
        self.outcome = outcome
        self.attributes.update(attributes)
        # A client knows ahead of time when a unit will begin to play.
        self.end_unix_ns = max([time.time_ns(), *(end for _, _, end in self.stages)])
        self._recorder._finish(self)

    def _make_spans(self) -> None:
        tracer = self._recorder._tracing.tracer
        service = self._recorder._tracing.service
        context = set_span_in_context(self._span)
        unit: dict[str, AttributeValue] = {"session.id": self.session_id, "unit.index": self.unit_index}
        spans = [(name, start, end, {"stage": name}) for name, start, end in self.stages] + self.parts
        for name, start_unix_ns, end_unix_ns, attributes in spans:
            tracer.start_span(
                f"{service}.{name}", context=context, attributes={**unit, **attributes}, start_time=start_unix_ns
            ).end(end_unix_ns)
        self._span.set_attributes({**unit, **self.attributes, "outcome": self.outcome})
        if self.attributes.get("skip_reason") == _FAULT:
            self._span.set_status(StatusCode.ERROR, _FAULT)
        self._span.end(self.end_unix_ns)


class Stage:
    """Stamps one stage of a flight."""

    __slots__ = ("_flight", "_name", "_start_unix_ns")

    def __init__(self, flight: Flight, name: str) -> None:
        self._flight = flight
        self._name = name

    def __enter__(self) -> None:
        self._start_unix_ns = time.time_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flight.add_stage(self._name, self._start_unix_ns, time.time_ns())


class FlightRecorder:
    """Begins flights and takes in finished ones; one a process, used from one event loop.

    `recent` holds the last finished flights, whatever was sampled, for a debugger or a dump after a fault.
    """

    def __init__(self, tracing: Tracing, metrics: ServiceMetrics | None = None) -> None:
        self._tracing = tracing
        self._metrics = metrics
        self._sampler: Sampler[Flight] = make_sampler(tracing.sampling, tracing.sample_ratio)
        self.recent: deque[Flight] = deque(maxlen=_RECENT_COUNT)

    def begin_root(
        self,
        session_id: str,
        unit_index: int,
        generation: int,
        start_unix_us: int,
        session_traceparent: str,
        *,
        epoch: int = 0,
    ) -> Flight:
        """Begins a unit's trace (the gateway does): a root span "unit" with a link to its session.

        Args:
            start_unix_us: when the capture of the unit began.
            session_traceparent: from `Tracing.session_traceparent`; no link when it is empty.
        """
        session = parse_traceparent(session_traceparent)
        span = self._tracing.tracer.start_span(
            "unit",
            context=set_span_in_context(NonRecordingSpan(SpanContext(0, 0, is_remote=False))),
            kind=SpanKind.SERVER,
            links=[Link(session)] if session else None,
            start_time=start_unix_us * 1000,
        )
        return Flight(self, span, session_id, unit_index, generation=generation, epoch=epoch)

    def begin(
        self,
        session_id: str,
        unit_index: int,
        traceparent: str,
        *,
        generation: int | None = None,
        epoch: int | None = None,
        start_unix_ns: int | None = None,
    ) -> Flight:
        """Begins this process's part of a unit: a span "<service>.unit" below the given context.

        Args:
            traceparent: from the unit's header; a trace of its own begins when it is not valid.
            start_unix_ns: when it began; now when not given.
        """
        parent = parse_traceparent(traceparent) or SpanContext(0, 0, is_remote=True)
        span = self._tracing.tracer.start_span(
            f"{self._tracing.service}.unit",
            context=set_span_in_context(NonRecordingSpan(parent)),
            kind=SpanKind.SERVER,
            start_time=time.time_ns() if start_unix_ns is None else start_unix_ns,
        )
        flight = Flight(self, span, session_id, unit_index)
        if generation is not None:
            flight.attributes["generation"] = generation
        if epoch is not None:
            flight.attributes["epoch"] = epoch
        return flight

    def _finish(self, flight: Flight) -> None:
        if self._metrics is not None:
            trace_id = flight.trace_id if self._tracing.exports else 0
            self._metrics.observe_unit(flight.outcome, flight.stages, flight.attributes, trace_id)
        self.recent.append(flight)
        if not self._tracing.exports:
            return
        for kept in self._sampler.decide(flight):
            kept._make_spans()
