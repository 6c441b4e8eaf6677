"""Scenarios for the SLO rules: time series in, firing alerts out, computed by promtool."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from prometheus_client import CollectorRegistry

from tests.chart.helm import NAMESPACE, RELEASE, Helm, of_kind
from wan_streamer.telemetry.metrics import ServiceMetrics

Series = dict[str, str]
Firing = set[tuple[str, str, str]]
"""Alert, severity and window (or group)."""

SCOPE: Final = {"namespace": NAMESPACE, "release": RELEASE}
MONITORED: Final = {"monitoring": {"podMonitor": {"enabled": True}, "rules": {"enabled": True}}}


def series(metric: str, **labels: str) -> str:
    """Name of one time series of the release."""
    pairs = ",".join(f'{name}="{value}"' for name, value in sorted({**SCOPE, **labels}.items()))
    return f"{metric}{{{pairs}}}"


def units(outcome: str, group: str = "performer-0", reason: str = "") -> str:
    """The counter of the gateway's units."""
    return series("wan_streamer_units_total", service="gateway", group=group, outcome=outcome, reason=reason)


def all_present(minutes: int) -> Series:
    """What keeps the alerts on presence silent."""
    return {
        series("wan_streamer_session_capacity", service=service): f"4x{minutes}"
        for service in ("gateway", "thinker", "performer")
    }


def exported(service: str, observe: Callable[[ServiceMetrics], None], minutes: int) -> Series:
    """Time series of a service in which every minute the same is observed: names and labels are the service's own."""
    registry = CollectorRegistry()
    observe(ServiceMetrics(service, registry))
    return {
        series(sample.name, **sample.labels): f"0+{sample.value:g}x{minutes}"
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith(("_created", "_sum"))
    }


def rules(helm: Helm, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The groups of the rendered PrometheusRule."""
    [rule] = of_kind(helm.manifests({**MONITORED, **(values or {})}), "PrometheusRule")
    spec: dict[str, Any] = rule["spec"]
    return spec


def check(
    promtool: Path, folder: Path, groups: Mapping[str, Any], time_series: Series, expected: dict[int, Firing]
) -> None:
    """At each minute of `expected` exactly those alerts fire.

    Raises:
        AssertionError: with promtool's words.
    """
    (folder / "rules.yaml").write_text(yaml.safe_dump(dict(groups)))
    test = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in time_series.items()],
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname, severity, window, group) (ALERTS{alertstate="firing"})',
                        "eval_time": f"{minute}m",
                        "exp_samples": [{"labels": _labels(*alert), "value": 1} for alert in sorted(firing)],
                    }
                    for minute, firing in expected.items()
                ],
            }
        ],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(test))
    done = subprocess.run(
        [promtool, "test", "rules", "test.yaml"], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _labels(alert: str, severity: str, where: str) -> str:
    window, _, group = where.partition("@")
    labels = {"alertname": alert, "severity": severity, "window": window, "group": group}
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items() if value) + "}"
