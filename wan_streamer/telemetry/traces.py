"""Where spans go: the OpenTelemetry SDK with a file, a collector, both or neither behind it."""

import os
import secrets
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from wan_streamer.errors import InvalidInput
from wan_streamer.telemetry.sampling import Sampling
from wan_streamer.telemetry.span_file import SpanFileExporter
from wan_streamer.telemetry.traceparent import format_traceparent

_MAX_QUEUED_SPAN_COUNT = 16_384
_MAX_BATCH_SPAN_COUNT = 512
_FILE_DELAY_MS = 200
_OTLP_DELAY_MS = 1000
_OTLP_TIMEOUT_S = 5.0


class Tracing:
    """The tracing of one process. Made by `configure_tracing`; a context manager that shuts down on the way out."""

    def __init__(
        self, service: str, exporters: list[tuple[SpanExporter, int]], sampling: Sampling, sample_ratio: float
    ) -> None:
        self.service = service
        self.sampling = sampling
        self.sample_ratio = sample_ratio
        self.exports = bool(exporters)
        self._exporters = [exporter for exporter, _ in exporters]
        self._provider = TracerProvider(
            # What is dropped is decided when a unit has ended: see `Sampling`.
            sampler=ALWAYS_ON,
            resource=Resource.create({SERVICE_NAME: service, SERVICE_NAMESPACE: "wan-streamer"}),
            shutdown_on_exit=False,
            id_generator=_UnseededIds(),
        )
        for exporter, delay_ms in exporters:
            self._provider.add_span_processor(
                BatchSpanProcessor(
                    exporter,
                    max_queue_size=_MAX_QUEUED_SPAN_COUNT,
                    schedule_delay_millis=delay_ms,
                    max_export_batch_size=_MAX_BATCH_SPAN_COUNT,
                )
            )
        self.tracer = self._provider.get_tracer("wan_streamer")

    def session_traceparent(self, session_id: str) -> str:
        """Makes a session's own span, ended at once, and returns its context for the units' links.

        A span that lives as long as a session would be seen only after it, and not at all after a crash.
        """
        now_ns = time.time_ns()
        span = self.tracer.start_span("session", attributes={"session.id": session_id}, start_time=now_ns)
        span.end(now_ns)
        return format_traceparent(span.get_span_context())

    def shutdown(self, timeout_s: float = 1.0) -> bool:
        """Sends what is queued and stops. May block up to `timeout_s`; later calls do nothing.

        Returns:
            False when a collector did not take the rest in time: those spans are lost.
        """
        worker = threading.Thread(target=self._provider.shutdown, name="tracing-shutdown", daemon=True)
        worker.start()
        worker.join(timeout_s)
        if not worker.is_alive():
            return True
        for exporter in self._exporters:
            # Ends a retry that waits for a collector which does not answer.
            exporter.shutdown()
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()


def configure_tracing(
    service: str,
    *,
    trace_dir: Path | None = None,
    otlp_endpoint: str | None = None,
    sampling: Sampling | str = Sampling.ALL,
    sample_ratio: float = 0.01,
) -> Tracing:
    """Sets up the tracing of this process; touches nothing global.

    Args:
        service: becomes `service.name`: gateway, thinker, performer or client.
        trace_dir: spans go to `<trace_dir>/<service>-<pid>.jsonl`.
        otlp_endpoint: spans go to this collector over gRPC; `http://` is plain text, `https://` is TLS.
        sampling: what is kept, see `Sampling`.
        sample_ratio: share of units on time that the setting `late` keeps.

    Raises:
        InvalidInput: the endpoint or the sampling is not one of those.
        OSError: the trace file cannot be opened.
    """
    exporters: list[tuple[SpanExporter, int]] = []
    if trace_dir is not None:
        exporters.append((SpanFileExporter(trace_dir / f"{service}-{os.getpid()}.jsonl"), _FILE_DELAY_MS))
    if otlp_endpoint:
        exporters.append((_otlp_exporter(otlp_endpoint), _OTLP_DELAY_MS))
    return Tracing(service, exporters, _checked_sampling(sampling), sample_ratio)


def _otlp_exporter(endpoint: str) -> OTLPSpanExporter:
    if not endpoint.startswith(("http://", "https://")):
        raise InvalidInput(
            f"got OTLP endpoint {endpoint!r}, expected http://host:port or https://host:port; "
            "a collector listens for gRPC on port 4317",
            reason="OTLP_ENDPOINT",
        )
    return OTLPSpanExporter(endpoint=endpoint, insecure=endpoint.startswith("http://"), timeout=_OTLP_TIMEOUT_S)


def _checked_sampling(sampling: Sampling | str) -> Sampling:
    try:
        return Sampling(sampling)
    except ValueError as error:
        known = ", ".join(Sampling)
        raise InvalidInput(f"got trace sampling {sampling!r}, expected one of: {known}", reason="SAMPLING") from error


class _UnseededIds(IdGenerator):
    """Ids from the system's randomness: the SDK's own repeat in processes that seed `random` alike."""

    def generate_span_id(self) -> int:
        return secrets.randbelow((1 << 64) - 1) + 1

    def generate_trace_id(self) -> int:
        return secrets.randbelow((1 << 128) - 1) + 1
