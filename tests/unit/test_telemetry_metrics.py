"""Metrics as Prometheus sees them: read over HTTP, with its own parser."""

import socket
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from wan_streamer.telemetry.metrics import MetricsServer, ServiceMetrics, new_registry, start_metrics_server

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(server: MetricsServer) -> Samples:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as response:
        families = text_string_to_metric_families(response.read().decode())
        return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset({"service": "gateway", **labels}.items())]


@pytest.fixture
def registry() -> CollectorRegistry:
    return new_registry()


@pytest.fixture
def server(registry: CollectorRegistry) -> Iterator[MetricsServer]:
    server = start_metrics_server(0, registry)
    yield server
    server.close()


def test_units_stages_and_latencies_can_be_scraped(registry: CollectorRegistry, server: MetricsServer) -> None:
    """A finished unit shows up in every metric it belongs to."""
    metrics = ServiceMetrics("gateway", registry)
    metrics.observe_unit(
        "ON_TIME",
        [("fill", 0, 160_000_000), ("cut", 0, 5_000_000), ("encode", 6_000_000, 9_000_000)],
        {"model_latency_ms": 160.0, "capture_to_playout_ms": 551.0, "performer_group": "performer-1"},
    )
    metrics.observe_unit("SKIPPED", [], {"skip_reason": "OVERLOADED", "audio_lost": True, "video_lost": False})
    samples = scrape(server)
    assert value(samples, "wan_streamer_units_total", group="performer-1", outcome="ON_TIME", reason="") == 1
    assert value(samples, "wan_streamer_units_total", group="", outcome="SKIPPED", reason="OVERLOADED") == 1
    assert value(samples, "wan_streamer_units_media_lost_total", medium="audio") == 1
    assert value(samples, "wan_streamer_stage_seconds_count", stage="cut") == 1
    assert value(samples, "wan_streamer_stage_seconds_sum", stage="cut") == pytest.approx(0.005)
    latency = "wan_streamer_unit_latency_seconds_bucket"
    assert value(samples, latency, group="performer-1", boundary="model", le="0.12") == 0
    assert value(samples, latency, group="performer-1", boundary="model", le="0.16") == 1
    assert value(samples, latency, group="performer-1", boundary="capture_to_playout", le="0.55") == 0
    assert value(samples, latency, group="performer-1", boundary="capture_to_playout", le="0.7") == 1
    assert value(samples, "wan_streamer_unit_busy_seconds_sum", group="performer-1") == pytest.approx(0.008)
    assert ("process_start_time_seconds", frozenset()) in samples


@pytest.mark.parametrize("name", ["wan_streamer_stage_seconds", "wan_streamer_unit_latency_seconds"])
def test_the_targets_are_exact_boundaries(registry: CollectorRegistry, server: MetricsServer, name: str) -> None:
    """160, 200 and 550 ms are boundaries of both histograms, in text as an SLO rule names them."""
    metrics = ServiceMetrics("gateway", registry)
    metrics.observe_unit("LATE", [("cut", 0, 1)], {"model_latency_ms": 1.0})
    boundaries = {dict(labels)["le"] for sample, labels in scrape(server) if sample == f"{name}_bucket"}
    assert {"0.001", "0.16", "0.2", "0.55", "10.0", "+Inf"} <= boundaries


def test_sessions_are_gauges_and_their_ends_a_counter(registry: CollectorRegistry, server: MetricsServer) -> None:
    """Live sessions go up and down, the capacity stands, ended sessions only grow."""
    metrics = ServiceMetrics("gateway", registry)
    metrics.session_capacity.set(4)
    metrics.sessions.inc()
    metrics.sessions.inc()
    metrics.sessions.dec()
    metrics.count_session_end("ENDED")
    samples = scrape(server)
    assert value(samples, "wan_streamer_sessions") == 1
    assert value(samples, "wan_streamer_session_capacity") == 4
    assert value(samples, "wan_streamer_sessions_ended_total", outcome="ENDED") == 1


def test_a_taken_port_says_so_and_a_closed_one_is_free_again(registry: CollectorRegistry) -> None:
    """Starting on a taken port fails with advice; `close` gives the port back."""
    server = start_metrics_server(0, registry)
    with pytest.raises(OSError, match="choose another"):
        start_metrics_server(server.port, registry)
    server.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


def test_requests_and_session_minutes_are_counters(registry: CollectorRegistry, server: MetricsServer) -> None:
    """A request counts by its outcome, a session's minute by its group and quality."""
    metrics = ServiceMetrics("gateway", registry)
    metrics.count_request("create", "OK")
    metrics.count_request("create", "CAPACITY_EXHAUSTED")
    metrics.count_session_minute("performer-0", is_good=True)
    metrics.count_session_minute("performer-0", is_good=False)
    samples = scrape(server)
    for outcome in ("OK", "CAPACITY_EXHAUSTED"):
        assert value(samples, "wan_streamer_requests_total", request="create", outcome=outcome) == 1
    for quality in ("good", "bad"):
        assert value(samples, "wan_streamer_session_minutes_total", group="performer-0", quality=quality) == 1


def test_a_latency_names_its_trace(registry: CollectorRegistry, server: MetricsServer) -> None:
    """A scraper that reads OpenMetrics gets the trace of a unit with the bucket it fell into."""
    ServiceMetrics("gateway", registry).observe_latency("model", 0.3, "performer-0", trace_id=0xABC)
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/metrics", headers={"Accept": "application/openmetrics-text"}
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        lines = response.read().decode().splitlines()
    assert [line for line in lines if f'trace_id="{0xABC:032x}"' in line and 'le="0.3"' in line]
