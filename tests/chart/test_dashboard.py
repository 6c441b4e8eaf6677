"""The dashboard and the rules name metrics that the services export."""

import json
import re

import pytest
import yaml
from prometheus_client import CollectorRegistry

from scripts.dashboard import OUT, dashboard
from tests.chart.helm import REPOSITORY, Helm, default_values
from wan_streamer.telemetry.metrics import ServiceMetrics

SUFFIXES = ("", "_total", "_bucket", "_count", "_sum")


def exported_names() -> set[str]:
    """Names of all series that a service can have."""
    registry = CollectorRegistry()
    ServiceMetrics("gateway", registry)
    return {family.name + suffix for family in registry.collect() for suffix in SUFFIXES}


def named_in(text: str) -> set[str]:
    return set(re.findall(r"\bwan_streamer_[a-z_]+\b", text))


def test_the_file_is_what_the_program_writes() -> None:
    """Who edits the JSON by hand loses it; `python scripts/dashboard.py` writes it."""
    assert json.loads(OUT.read_text()) == dashboard()


def test_every_panel_asks_for_metrics_that_exist() -> None:
    """No panel stays empty for a misspelt name, and all panels stand side by side."""
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    assert named_in(json.dumps([panel["targets"] for panel in panels])) <= exported_names()
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


def test_panels_can_lead_to_traces() -> None:
    """Every query asks for exemplars."""
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    assert all(target["exemplar"] for panel in panels for target in panel["targets"])


def test_objectives_name_metrics_that_exist() -> None:
    """The defaults of slo.objectives count what the services count."""
    for objective in default_values()["slo"]["objectives"]:
        assert {objective["good"]["metric"], objective["total"]["metric"]} <= exported_names()


def test_the_config_map_holds_the_dashboard(helm: Helm) -> None:
    """What Grafana's sidecar reads is the same JSON."""
    manifests = helm.manifests({"monitoring": {"dashboard": {"enabled": True}}})
    [config_map] = [each for each in manifests if each["metadata"]["name"].endswith("-dashboard")]
    assert json.loads(config_map["data"]["wan-streamer.json"]) == dashboard()
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize("name", ["outcome", "audio_lost"])
def test_the_collector_samples_by_attributes_that_units_have(name: str) -> None:
    """The example's policies go by names that the services put on a unit's span."""
    collector = yaml.safe_load((REPOSITORY / "docs" / "collector.yaml").read_text())
    policies = collector["processors"]["tail_sampling"]["policies"]
    keys = {policy[kind]["key"] for policy in policies for kind in policy if "key" in str(policy.get(kind))}
    assert name in keys
    sources = [REPOSITORY / "wan_streamer/telemetry/flight.py", REPOSITORY / "services/gateway/emission.py"]
    assert any(f'"{name}"' in path.read_text() for path in sources)
