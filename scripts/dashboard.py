"""Writes the Grafana dashboard of the chart: `python scripts/dashboard.py`. Edit this file, never the JSON."""

import json
from pathlib import Path
from typing import Any, Final

OUT: Final = Path(__file__).parents[1] / "helm" / "wan-streamer" / "files" / "dashboard.json"
SOURCE: Final = {"type": "prometheus", "uid": "${prometheus}"}
SCOPE: Final = 'namespace="$namespace",release="$release"'
WIDTH, HEIGHT = 8, 8

Panel = dict[str, Any]


def panel(title: str, *queries: tuple[str, str], unit: str = "short", limit: float | None = None, **more: Any) -> Panel:
    """A graph of queries (expression, legend); `limit` is drawn as a red line."""
    steps = [{"color": "green", "value": None}, *([{"color": "red", "value": limit}] if limit is not None else [])]
    return {
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "line" if limit is not None else "off"}, "fillOpacity": 10},
            },
            "overrides": [],
        },
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expression, "legendFormat": legend, "exemplar": True}
            for index, (expression, legend) in enumerate(queries)
        ],
        **more,
    }


def quantile(share: float, metric: str, match: str, by: str = "") -> str:
    """A quantile of a histogram."""
    labels = f"le, {by}" if by else "le"
    return (
        f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{{{SCOPE},{match}}}[$__rate_interval])))"
    )


def rate(metric: str, match: str, by: str) -> str:
    """A counter's rate."""
    return f"sum by ({by}) (rate({metric}{{{SCOPE},{match}}}[$__rate_interval]))"


def budget(suffix: str, window: str) -> str:
    """Share of bad events of each objective, as the rules record it."""
    return f"wan_streamer:slo_bad_ratio{suffix}:rate{window}{{{SCOPE}}}"


def gauge(metric: str, service: str, by: str = "service") -> str:
    """A gauge, added up."""
    return f'sum by ({by}) ({metric}{{{SCOPE},service="{service}"}})'


LATENCY, STAGE = "wan_streamer_unit_latency_seconds", "wan_streamer_stage_seconds"
ROWS: Final[dict[str, list[Panel]]] = {
    "Promises": [
        panel("Bad events, 1 h", (budget("", "1h"), "{{slo}}"), unit="percentunit"),
        panel("Bad events by group, 1 h", (budget("_by_group", "1h"), "{{slo}} {{group}}"), unit="percentunit"),
        panel("Session minutes", (rate("wan_streamer_session_minutes_total", "", "quality"), "{{quality}}")),
    ],
    "Units": [
        panel(
            "Model latency, with traces of single units",
            (quantile(0.99, LATENCY, 'service="gateway",boundary="model"'), "99 %"),
            (quantile(0.5, LATENCY, 'service="gateway",boundary="model"'), "median"),
            unit="s", limit=0.2,
        ),
        panel(
            "Capture to playout, as clients report",
            (quantile(0.95, LATENCY, 'service="gateway",boundary="capture_to_playout"'), "95 %"),
            (quantile(0.5, LATENCY, 'service="gateway",boundary="capture_to_playout"'), "median"),
            unit="s", limit=0.55,
        ),
        panel(
            "Engine time of a unit, 99 %",
            (quantile(0.99, "wan_streamer_unit_busy_seconds", 'service=~"thinker|performer"', "service, group"), "{{service}} {{group}}"),
            unit="s", limit=0.16,
        ),
        panel("Units by outcome", (rate("wan_streamer_units_total", 'service="gateway"', "outcome, reason"), "{{outcome}} {{reason}}")),
        panel("Late units by group", (rate("wan_streamer_units_total", 'service="gateway",outcome!="ON_TIME"', "group"), "{{group}}")),
        panel("Lost user media", (rate("wan_streamer_units_media_lost_total", 'service="gateway"', "medium"), "{{medium}}")),
    ],
    "Stages, 99 %": [
        panel(service, (quantile(0.99, STAGE, f'service="{service}"', "stage"), "{{stage}}"), unit="s")
        for service in ("gateway", "thinker", "performer")
    ],
    "Sessions": [
        panel(
            "Places",
            (gauge("wan_streamer_sessions", "thinker"), "live"),
            (gauge("wan_streamer_session_capacity", "thinker"), "places"),
        ),
        panel("Requests", (rate("wan_streamer_requests_total", 'service="gateway"', "request, outcome"), "{{request}} {{outcome}}")),
        panel("Ends", (rate("wan_streamer_sessions_ended_total", 'service="gateway"', "outcome"), "{{outcome}}")),
    ],
}  # fmt: skip


def variable(name: str, query: str) -> dict[str, Any]:
    """A drop-down filled from the labels of a metric."""
    return {"name": name, "type": "query", "datasource": SOURCE, "query": {"query": query, "refId": name}, "refresh": 2}


def dashboard() -> dict[str, Any]:
    """The whole dashboard."""
    panels: list[Panel] = []
    top = 0
    for title, row in ROWS.items():
        panels.append({"type": "row", "title": title, "gridPos": {"x": 0, "y": top, "w": 24, "h": 1}, "panels": []})
        top += 1
        for index, each in enumerate(row):
            left, down = index % 3 * WIDTH, index // 3 * HEIGHT
            panels.append({**each, "gridPos": {"x": left, "y": top + down, "w": WIDTH, "h": HEIGHT}})
        top += (len(row) + 2) // 3 * HEIGHT
    return {
        "uid": "wan-streamer",
        "title": "Wan-Streamer",
        "schemaVersion": 39,
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "30s",
        "templating": {
            "list": [
                {"name": "prometheus", "type": "datasource", "query": "prometheus"},
                variable("namespace", "label_values(wan_streamer_session_capacity, namespace)"),
                variable("release", 'label_values(wan_streamer_session_capacity{namespace="$namespace"}, release)'),
            ]
        },
        "panels": [{"id": number, **each} for number, each in enumerate(panels, start=1)],
    }


if __name__ == "__main__":
    OUT.write_text(json.dumps(dashboard(), indent=1) + "\n")
