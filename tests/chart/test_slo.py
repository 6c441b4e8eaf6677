"""The SLO rules with promtool: when which alert fires, and when it does not."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.gateway import service_levels
from tests.chart.helm import REPOSITORY, Helm, default_values
from tests.chart.slo import Firing, all_present, check, exported, rules, series, units
from wan_streamer.telemetry.metrics import ServiceMetrics

UNITS_A_MINUTE = 375
PAGE_FAST, PAGE_SLOW = ("page", "1h"), ("page", "6h")
TICKET_FAST, TICKET_SLOW = ("ticket", "1d"), ("ticket", "3d")
ALL_WINDOWS = (PAGE_FAST, PAGE_SLOW, TICKET_FAST, TICKET_SLOW)


def burning(name: str, *, group: str = "", windows: tuple[tuple[str, str], ...] = ALL_WINDOWS) -> Firing:
    alert = f"WanStreamer{name}{'Group' if group else ''}Burn"
    return {(alert, severity, f"{window}@{group}" if group else window) for severity, window in windows}


@pytest.fixture(scope="module")
def groups(helm: Helm) -> dict[str, Any]:
    return rules(helm)


@pytest.fixture(scope="module")
def lateness(groups: dict[str, Any]) -> dict[str, Any]:
    """The rules of one objective and those on presence: a sixth of the time."""
    return {"groups": [group for group in groups["groups"] if group["name"].endswith(("unit-lateness", "-presence"))]}


@pytest.fixture(scope="module")
def requests(groups: dict[str, Any]) -> dict[str, Any]:
    """The same for units and requests."""
    return {
        "groups": [each for each in groups["groups"] if each["name"].endswith(("lateness", "admission", "-presence"))]
    }


def test_prometheus_reads_the_rules(groups: dict[str, Any], promtool: Path, tmp_path: Path) -> None:
    """promtool finds no fault, and no two rules record the same."""
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(groups))
    done = subprocess.run([promtool, "check", "rules", path], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "duplicate" not in done.stdout + done.stderr


def unit_lateness(metrics: ServiceMetrics) -> None:
    for number in range(UNITS_A_MINUTE):
        metrics.observe_unit("LATE" if number % 2 else "ON_TIME", [], {"performer_group": "performer-0"})


def unit_cadence(metrics: ServiceMetrics) -> None:
    for number in range(UNITS_A_MINUTE):
        busy_ms = 161 if number % 2 else 159
        metrics.observe_unit("ON_TIME", [("solve", 0, busy_ms * 10**6)], {"performer_group": "performer-0"})


def end_to_end(metrics: ServiceMetrics) -> None:
    for number in range(UNITS_A_MINUTE):
        metrics.observe_latency("capture_to_playout", 0.551 if number % 4 else 0.549, "performer-0")


def admission(metrics: ServiceMetrics) -> None:
    for number in range(10):
        metrics.count_request("create", "CAPACITY_EXHAUSTED" if number % 2 else "OK")


def resume(metrics: ServiceMetrics) -> None:
    for number in range(10):
        metrics.count_request("resume", "OK" if number == 0 else "PLACEMENT_LOST")


def session_minutes(metrics: ServiceMetrics) -> None:
    for number in range(10):
        metrics.count_session_minute("performer-0", is_good=number % 2 == 0)


@pytest.mark.parametrize(
    ("name", "service", "observe", "by_group"),
    [
        ("UnitLateness", "gateway", unit_lateness, True),
        ("UnitCadence", "performer", unit_cadence, True),
        ("EndToEnd", "gateway", end_to_end, True),
        ("Admission", "gateway", admission, False),
        ("Resume", "gateway", resume, False),
        ("SessionMinutes", "gateway", session_minutes, True),
    ],
)
def test_each_objective_burns_on_what_the_service_exports(
    groups: dict[str, Any], promtool: Path, tmp_path: Path, name: str, service: str, observe: Any, by_group: bool
) -> None:
    """Half of the events bad, counted by the services' own code: after two hours its four alerts fire alone."""
    expected = burning(name) | (burning(name, group="performer-0") if by_group else set())
    time_series = {**exported(service, observe, 120), **all_present(120)}
    check(promtool, tmp_path, groups, time_series, {1: set(), 120: expected})


def test_all_objectives_have_a_burning_case() -> None:
    """None of the defaults is left out above."""
    assert [each["name"] for each in default_values()["slo"]["objectives"]] == [
        "unit-lateness", "unit-cadence", "end-to-end", "admission", "resume", "session-minutes",
    ]  # fmt: skip


def test_a_good_service_is_silent(lateness: dict[str, Any], promtool: Path, tmp_path: Path) -> None:
    """Half of the budget used: nothing fires, not after hours either."""
    time_series = {units("ON_TIME"): "0+3731x400", units("LATE"): "0+19x400", **all_present(400)}
    check(promtool, tmp_path, lateness, time_series, {60: set(), 400: set()})


def test_a_page_ends_soon_after_the_fault(lateness: dict[str, Any], promtool: Path, tmp_path: Path) -> None:
    """35 bad minutes after six good hours page; ten minutes after the end only the slow ticket is left."""
    time_series = {
        units("ON_TIME"): "0+3750x360 1352625+2625x34 1445625+3750x80",
        units("LATE"): "0x360 1125+1125x34 39375x80",
        **all_present(480),
    }
    fast = {
        *burning("UnitLateness", windows=(PAGE_FAST,)),
        *burning("UnitLateness", group="performer-0", windows=(PAGE_FAST,)),
    }
    slow = {
        *burning("UnitLateness", windows=(TICKET_SLOW,)),
        *burning("UnitLateness", group="performer-0", windows=(TICKET_SLOW,)),
    }
    check(promtool, tmp_path, lateness, time_series, {360: set(), 395: fast, 410: slow})


def test_one_bad_group_is_seen_in_a_good_fleet(lateness: dict[str, Any], promtool: Path, tmp_path: Path) -> None:
    """Of a hundred times the traffic 30 % late in one group are 0.3 % of all: only that group's alerts fire."""
    time_series = {
        units("ON_TIME"): "0+371250x180",
        units("ON_TIME", group="performer-7"): "0+2625x180",
        units("LATE", group="performer-7"): "0+1125x180",
        **all_present(180),
    }
    check(promtool, tmp_path, lateness, time_series, {120: burning("UnitLateness", group="performer-7")})


def test_no_good_event_at_all_is_the_worst_not_the_unknown(
    lateness: dict[str, Any], promtool: Path, tmp_path: Path
) -> None:
    """A service that never made one unit on time has no series of good ones, and pages."""
    time_series = {units("SKIPPED", reason="ENGINE_FAULT"): "0+3750x180", **all_present(180)}
    expected = burning("UnitLateness") | burning("UnitLateness", group="performer-0")
    check(promtool, tmp_path, lateness, time_series, {120: expected})


def test_what_the_client_caused_is_not_counted(lateness: dict[str, Any], promtool: Path, tmp_path: Path) -> None:
    """Units skipped because the client stalled or interrupted burn nothing."""
    time_series = {
        units("ON_TIME"): "0+1000x180",
        units("SKIPPED", reason="CLIENT_STALLED"): "0+1000x180",
        units("SKIPPED", reason="INTERRUPTED"): "0+1000x180",
        **all_present(180),
    }
    check(promtool, tmp_path, lateness, time_series, {120: set()})


def test_a_restart_is_no_fault(lateness: dict[str, Any], promtool: Path, tmp_path: Path) -> None:
    """Counters that begin again at 0 burn nothing, and hide nothing."""
    good = {
        units("ON_TIME"): "0+3750x60 0+3750x60 0+3750x60",
        units("LATE"): "0+9x60 0+9x60 0+9x60",
        **all_present(180),
    }
    check(promtool, tmp_path, lateness, good, {63: set(), 120: set(), 125: set(), 180: set()})
    bad = {**good, units("LATE"): "0+1600x60 0+1600x60 0+1600x60"}
    expected = burning("UnitLateness") | burning("UnitLateness", group="performer-0")
    check(promtool, tmp_path, lateness, bad, {120: expected, 125: expected})


def test_a_few_bad_events_are_not_enough(requests: dict[str, Any], promtool: Path, tmp_path: Path) -> None:
    """At night one session's hiccup (a third of 300 units) and one refused of three requests wake nobody."""
    create = {"service": "gateway", "request": "create"}
    time_series = {
        units("ON_TIME"): "0x60 0+40x5 200x120",
        units("LATE"): "0x60 0+20x5 100x120",
        series("wan_streamer_requests_total", **create, outcome="OK"): "0x60 2x120",
        series("wan_streamer_requests_total", **create, outcome="CAPACITY_EXHAUSTED"): "0x60 1x120",
        **all_present(180),
    }
    check(promtool, tmp_path, requests, time_series, {63: set(), 70: set(), 120: set()})


def test_silence_is_told(lateness: dict[str, Any], promtool: Path, tmp_path: Path) -> None:
    """No gateway reports: a page after five minutes. No performer does: a ticket after ten."""
    absent = {("WanStreamerMetricsAbsent", "page", "")}
    missing = {("WanStreamerGroupMissing", "ticket", "")}
    nothing = {series("wan_streamer_sessions", service="thinker"): "0x60"}
    check(promtool, tmp_path, lateness, nothing, {4: set(), 6: absent, 12: absent | missing})
    present = all_present(60)
    gone = {**present, series("wan_streamer_session_capacity", service="performer"): "4x20 stale"}
    check(promtool, tmp_path, lateness, gone, {20: set(), 40: missing})


def test_full_places_are_told_before_they_are_refused(lateness: dict[str, Any], promtool: Path, tmp_path: Path) -> None:
    """More than nine of ten places taken for a quarter of an hour is a ticket."""
    time_series = {
        **all_present(60),
        series("wan_streamer_sessions", service="thinker"): "4x60",
    }
    full = {("WanStreamerPlacesExhausted", "ticket", "")}
    check(promtool, tmp_path, lateness, time_series, {10: set(), 20: full})


def test_every_alert_has_its_runbook(groups: dict[str, Any]) -> None:
    """The page that an alert points to exists in docs/runbooks and names the alert; no page is left over."""
    pages: dict[str, set[str]] = {}
    for group in groups["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                pages.setdefault(rule["annotations"]["runbook_url"].rpartition("/")[2], set()).add(rule["alert"])
    folder = REPOSITORY / "docs" / "runbooks"
    assert {path.name for path in folder.glob("*.md")} - {"README.md"} == pages.keys()
    for page, alerts in pages.items():
        text = (folder / page).read_text()
        assert all(f"`{alert}`" in text for alert in alerts), page


def test_a_minute_of_the_gateway_is_a_minute_of_the_rule() -> None:
    """The objective's words say 98 %, and the gateway counts so."""
    assert pytest.approx(0.02) == service_levels.MAX_MISSED_SHARE
    assert service_levels.UNITS_A_MINUTE == UNITS_A_MINUTE
