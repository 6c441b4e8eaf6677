"""Prometheus metrics of one service, and the port that serves them."""

import errno
from collections.abc import Iterable, Mapping
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    start_http_server,
)

from wan_streamer.telemetry.targets import CADENCE_MS, CAPTURE_TO_PLAYOUT_TARGET_MS, MODEL_LATENCY_TARGET_MS

# A share of units within a target can only be read off a histogram that has a boundary exactly there.
BUCKETS_S = tuple(
    sorted(
        {0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.12, 0.3, 0.4, 0.7, 1.0, 2.0, 5.0, 10.0}
        | {ms / 1000 for ms in (CADENCE_MS, MODEL_LATENCY_TARGET_MS, CAPTURE_TO_PLAYOUT_TARGET_MS)}
    )
)

# Attribute of a finished flight -> the label `boundary` of its latency.
_LATENCIES = {
    "model_latency_ms": "model",
    "capture_to_emission_ms": "capture_to_emission",
    "capture_to_playout_ms": "capture_to_playout",
}
_LOSSES = {"audio_lost": "audio", "video_lost": "video"}
# Stages in which a unit waits for somebody else: the others hold this process.
_WAITS = frozenset({"fill", "queue", "turn", "latents", "transit", "playout_wait"})


class ServiceMetrics:
    """The metrics of one service, in the registry that is passed in. All carry the label `service`.

    Attributes:
        sessions: gauge, sessions that are live now.
        session_capacity: gauge, sessions that are accepted at most.
    """

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        self._service = service
        self._stage_seconds = Histogram(
            "wan_streamer_stage_seconds", "Time of one stage of one unit.", ["service", "stage"],
            buckets=BUCKETS_S, registry=registry,
        )  # fmt: skip
        self._busy_seconds = Histogram(
            "wan_streamer_unit_busy_seconds",
            "Time for which one unit held this process: its stages without those in which it waited.",
            ["service", "group"], buckets=BUCKETS_S, registry=registry,
        )  # fmt: skip
        self._latency_seconds = Histogram(
            "wan_streamer_unit_latency_seconds",
            "Age of one unit. boundary=model: user unit available to response unit decoded; the others count from the "
            "start of capture.",
            ["service", "group", "boundary"], buckets=BUCKETS_S, registry=registry,
        )  # fmt: skip
        self._units = Counter(
            "wan_streamer_units", "Units that ended, by outcome; reason says why one was skipped.",
            ["service", "group", "outcome", "reason"], registry=registry,
        )  # fmt: skip
        self._session_minutes = Counter(
            "wan_streamer_session_minutes", "Minutes of sessions; in a good one nearly all units were on time.",
            ["service", "group", "quality"], registry=registry,
        )  # fmt: skip
        self._requests = Counter(
            "wan_streamer_requests", "Requests of clients: create, attach or resume; outcome OK or the error's reason.",
            ["service", "request", "outcome"], registry=registry,
        )  # fmt: skip
        self._media_lost = Counter(
            "wan_streamer_units_media_lost", "Units whose user media did not arrive whole in time.",
            ["service", "medium"], registry=registry,
        )  # fmt: skip
        self._sessions_ended = Counter(
            "wan_streamer_sessions_ended", "Sessions that ended or were refused, by outcome.",
            ["service", "outcome"], registry=registry,
        )  # fmt: skip
        self.sessions = Gauge(
            "wan_streamer_sessions", "Sessions that are live now.", ["service"], registry=registry
        ).labels(service)
        self.session_capacity = Gauge(
            "wan_streamer_session_capacity", "Sessions that are accepted at most.", ["service"], registry=registry
        ).labels(service)

    def observe_unit(
        self,
        outcome: str,
        stages: Iterable[tuple[str, int, int]],
        attributes: Mapping[str, str | bool | int | float],
        trace_id: int = 0,
    ) -> None:
        """Counts one finished unit, the times of its stages (name, start ns, end ns) and its latencies.

        Of the attributes these are metrics: `skip_reason`, `audio_lost`, `video_lost`, `model_latency_ms`,
        `capture_to_emission_ms`, `capture_to_playout_ms`; and `performer_group` is a label of them. With a `trace_id`
        the latencies have it as exemplar, so that a dashboard leads from a late unit to its trace.
        """
        group = str(attributes.get("performer_group", ""))
        self._units.labels(self._service, group, outcome, str(attributes.get("skip_reason", ""))).inc()
        busy_ns = 0
        for stage, start_ns, end_ns in stages:
            self._stage_seconds.labels(self._service, stage).observe((end_ns - start_ns) / 1e9)
            busy_ns += 0 if stage in _WAITS else end_ns - start_ns
        self._busy_seconds.labels(self._service, group).observe(busy_ns / 1e9)
        for attribute, boundary in _LATENCIES.items():
            if attribute in attributes:
                self.observe_latency(boundary, float(attributes[attribute]) / 1e3, group, trace_id)
        for attribute, medium in _LOSSES.items():
            if attributes.get(attribute):
                self._media_lost.labels(self._service, medium).inc()

    def observe_latency(self, boundary: str, latency_s: float, group: str, trace_id: int = 0) -> None:
        """Observes one latency of a unit of a performer group."""
        exemplar = {"trace_id": f"{trace_id:032x}"} if trace_id else None
        self._latency_seconds.labels(self._service, group, boundary).observe(latency_s, exemplar)

    def count_session_minute(self, group: str, *, is_good: bool) -> None:
        """Counts one minute of a session of a performer group."""
        self._session_minutes.labels(self._service, group, "good" if is_good else "bad").inc()

    def count_request(self, request: str, outcome: str) -> None:
        """Counts one request of a client: `create`, `attach` or `resume`; `outcome` is OK or the error's reason."""
        self._requests.labels(self._service, request, outcome).inc()

    def count_session_end(self, outcome: str) -> None:
        """Counts one session that ended (or was refused); `outcome` is one of a few stable words, for example ENDED."""
        self._sessions_ended.labels(self._service, outcome).inc()


class MetricsServer:
    """A running metrics port; `close` frees it."""

    def __init__(self, server: WSGIServer, thread: Thread) -> None:
        self._server = server
        self._thread = thread
        self.port: int = server.server_port

    def close(self) -> None:
        """Stops serving and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def new_registry() -> CollectorRegistry:
    """A registry for one process, with its memory, CPU, open files and garbage collection."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def start_metrics_server(port: int, registry: CollectorRegistry, *, host: str = "127.0.0.1") -> MetricsServer:
    """Serves the registry at `http://host:port/metrics` from a thread of its own. Port 0 takes any free one.

    Raises:
        OSError: the port is taken (the message says what to do) or the host is not one of this machine.
    """
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise OSError(
            errno.EADDRINUSE,
            f"got metrics port {port}, which is taken on {host}; choose another, or 0 for any free one",
        ) from error
    return MetricsServer(server, thread)
