"""An upgrade must not touch fields that the API server refuses to change."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.chart.helm import CI_VALUES, Helm, Manifest, Values, ci_values

RELEASED = Path(__file__).parent / "golden" / "immutable.json"

# Values that are changed in operation, each on a render of its own.
CHANGES: list[Values] = [
    {"image": {"tag": "9.9.9"}},
    {"gateway": {"replicas": 5}},
    {"gateway": {"autoscaling": {"enabled": True}}},
    {"thinker": {"replicas": 3}},
    {"performer": {"groups": 1, "shmSize": "2Gi"}},
    {"commonLabels": {"cost": "42"}},
    {"device": "cuda"},
    {"gateway": {"podLabels": {"a": "b"}}},
    {"tracing": {"otlpEndpoint": "http://collector:4317"}},
    {"metrics": {"enabled": False}},
]


def immutable(manifest: Manifest) -> dict[str, Any]:
    """The fields of an object that cannot be changed in place."""
    spec = manifest.get("spec", {})
    fields = {
        "Deployment": ("selector",),
        "StatefulSet": ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
        "LeaderWorkerSet": (),
        "Service": ("clusterIP",),
        "RoleBinding": (),
    }.get(manifest["kind"])
    if fields is None:
        return {}
    kept = {field: spec[field] for field in fields if field in spec}
    return kept | ({"roleRef": manifest["roleRef"]} if manifest["kind"] == "RoleBinding" else {})


def immutables(manifests: list[Manifest]) -> dict[str, Any]:
    return {f"{each['kind']}/{each['metadata']['name']}": immutable(each) for each in manifests if immutable(each)}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: json.dumps(change))
def test_no_operation_changes_an_immutable_field(helm: Helm, change: Values) -> None:
    """Objects that are in both renders have the same immutable fields."""
    before, after = immutables(helm.manifests()), immutables(helm.manifests(change))
    assert before.keys() & after.keys() == before.keys()
    for name in before:
        assert before[name] == after[name], name


@pytest.mark.parametrize("name", CI_VALUES)
def test_what_was_released_can_be_upgraded(helm: Helm, name: str) -> None:
    """The immutable fields are those of chart 0.1.0; an object that had to change needs a step in UPGRADING.md."""
    released: dict[str, Any] = json.loads(RELEASED.read_text())[name]
    now = immutables(helm.manifests(ci_values(name)))
    for key in released.keys() & now.keys():
        assert released[key] == now[key], key
    assert released.keys() <= now.keys(), f"gone: {released.keys() - now.keys()}"


def test_pods_do_not_change_with_the_chart_version(helm: Helm) -> None:
    """A new chart with the same images and values restarts nothing: its version is not in a pod's template."""
    for each in helm.manifests():
        if each["kind"] in ("Deployment", "StatefulSet"):
            assert "helm.sh/chart" not in json.dumps(each["spec"]["template"])
