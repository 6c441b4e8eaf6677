"""What the gateway counts of a session for the service level objectives."""

import asyncio
import contextlib

import pytest
from prometheus_client import CollectorRegistry

from services.gateway.request_count import RequestCount
from services.gateway.service_levels import UNITS_A_MINUTE, ServiceLevels
from wan_streamer.errors import CapacityExhausted
from wan_streamer.telemetry.metrics import ServiceMetrics
from wan_streamer.v1 import unit_pb2

GROUP = "performer-1"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def levels(registry: CollectorRegistry) -> ServiceLevels:
    return ServiceLevels(ServiceMetrics("gateway", registry), GROUP)


def unit(index: int, outcome: int = unit_pb2.UNIT_OUTCOME_ON_TIME, reason: int = 0) -> unit_pb2.AgentUnit:
    header = unit_pb2.UnitHeader(unit_index=index, capture_time_unix_us=1_000_000 + 160_000 * index)
    return unit_pb2.AgentUnit(header=header, outcome=outcome, skip_reason=reason)


def minutes(registry: CollectorRegistry) -> tuple[float, float]:
    good, bad = (
        registry.get_sample_value(
            "wan_streamer_session_minutes_total", {"service": "gateway", "group": GROUP, "quality": quality}
        )
        for quality in ("good", "bad")
    )
    return good or 0, bad or 0


@pytest.mark.parametrize(
    ("missed", "outcome", "reason", "expected"),
    [
        (7, unit_pb2.UNIT_OUTCOME_LATE, 0, (1, 0)),
        (8, unit_pb2.UNIT_OUTCOME_LATE, 0, (0, 1)),
        (8, unit_pb2.UNIT_OUTCOME_SKIPPED, unit_pb2.SKIP_REASON_ENGINE_FAULT, (0, 1)),
        (100, unit_pb2.UNIT_OUTCOME_SKIPPED, unit_pb2.SKIP_REASON_CLIENT_STALLED, (1, 0)),
    ],
)
def test_a_minute_is_bad_when_we_miss_more_than_two_percent(
    registry: CollectorRegistry,
    levels: ServiceLevels,
    missed: int,
    outcome: int,
    reason: int,
    expected: tuple[int, int],
) -> None:
    """375 units are a minute; 7 missed ones are few enough, 8 are not, and what the client caused does not count."""
    for index in range(UNITS_A_MINUTE):
        assert minutes(registry) == (0, 0)
        levels.emitted(unit(index, outcome, reason) if index < missed else unit(index))
    assert minutes(registry) == expected


def test_playout_is_timed_from_the_capture_of_the_unit_that_plays(
    registry: CollectorRegistry, levels: ServiceLevels
) -> None:
    """A report counts once, by its own unit; those it passed over and those never emitted count nothing."""
    for index in range(4):
        levels.emitted(unit(index))
    levels.played(2, 1_000_000 + 2 * 160_000 + 500_000)
    levels.played(2, 9_000_000)
    levels.played(1, 9_000_000)
    levels.played(77, 9_000_000)
    labels = {"service": "gateway", "group": GROUP, "boundary": "capture_to_playout"}
    name = "wan_streamer_unit_latency_seconds"
    assert registry.get_sample_value(f"{name}_count", labels) == 1
    assert registry.get_sample_value(f"{name}_sum", labels) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "OK"),
        (CapacityExhausted("full"), "CAPACITY_EXHAUSTED"),
        (ExceptionGroup("tasks", [CapacityExhausted("full")]), "CAPACITY_EXHAUSTED"),
        (asyncio.CancelledError(), "CLIENT_LEFT"),
        (RuntimeError("a bug"), "INTERNAL"),
    ],
)
def test_a_request_counts_once_by_how_it_ended(error: BaseException | None, outcome: str) -> None:
    """OK or the reason; after `succeeded` an error that ends the session is not the request's."""
    registry = CollectorRegistry()
    metrics = ServiceMetrics("gateway", registry)
    for is_early in (False, True):
        expectation = pytest.raises(type(error)) if error is not None else contextlib.nullcontext()
        with expectation, RequestCount(metrics, "attach") as count:
            if is_early:
                count.request = "resume"
                count.succeeded()
            if error is not None:
                raise error
    name = "wan_streamer_requests_total"
    labels = {"service": "gateway", "request": "attach", "outcome": outcome}
    assert registry.get_sample_value(name, labels) == 1
    assert registry.get_sample_value(name, {**labels, "request": "resume", "outcome": "OK"}) == 1
