"""The renders before the eyes of other programs: helm lint, kubeconform with three minors' schemas, checkov."""

import json
import subprocess
from pathlib import Path
from typing import Final

import pytest

from scripts.chart_schemas import KUBERNETES_VERSIONS
from tests.chart.helm import CI_VALUES, Helm, ci_values

# What checkov asks for and we do not do, and why.
WAIVERS: Final = {
    "CKV_K8S_11": "no CPU limits: a throttled unit is a late unit; requests reserve the cores",
    "CKV_K8S_15": "IfNotPresent: tags are not moved, and a node that cannot pull must still restart a pod",
    "CKV_K8S_38": "only gateways that watch mount a token, see test_promises",
    "CKV_K8S_43": "digests are values: the images are built by whoever deploys",
    "CKV_K8S_8": "the test's pod runs once, and nobody restarts it",
    "CKV_K8S_9": "the test's pod runs once, and nobody calls it",
}


@pytest.mark.parametrize("name", ["default", *CI_VALUES])
def test_lint_finds_nothing(helm: Helm, name: str) -> None:
    """`helm lint --strict` takes the chart with each example."""
    done = helm.lint({} if name == "default" else ci_values(name))
    assert done.returncode == 0, done.stdout + done.stderr


def conforming(kubeconform: Path, schemas: Path, version: str, text: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [kubeconform, "-strict", "-summary"]
    for folder in (version, "custom"):
        command += ["-schema-location", f"{schemas / folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"]
    return subprocess.run([*command, "-"], input=text, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", CI_VALUES)
@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_kubernetes_knows_every_field(helm: Helm, kubeconform: Path, schemas: Path, version: str, name: str) -> None:
    """Every object of every example has only fields that this version has, of the right types."""
    done = conforming(kubeconform, schemas, version, helm.text(ci_values(name)))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_field_is_found(helm: Helm, kubeconform: Path, schemas: Path) -> None:
    """The check above can fail: a misspelt field deep in a pod or in a custom resource is reported."""
    text = helm.text(ci_values("full"))
    for right, wrong in (
        ("readOnlyRootFilesystem", "readOnlyRootFileSystem"),
        ("podMetricsEndpoints", "podMetricEndpoints"),
    ):
        assert conforming(kubeconform, schemas, KUBERNETES_VERSIONS[0], text).returncode == 0
        assert conforming(kubeconform, schemas, KUBERNETES_VERSIONS[0], text.replace(right, wrong)).returncode != 0


def test_checkov_finds_nothing_that_is_not_explained(helm: Helm, checkov: Path, tmp_path: Path) -> None:
    """Its findings on two examples are those that are waived above with a reason, no more, no less."""
    for name in ("cpu", "full"):
        (tmp_path / f"{name}.yaml").write_text(helm.text(ci_values(name)))
    command = [checkov, "--directory", tmp_path, "--framework", "kubernetes", "--skip-download", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    results = json.loads(done.stdout)["results"]
    assert len(results["passed_checks"]) > 500
    assert {finding["check_id"] for finding in results["failed_checks"]} == WAIVERS.keys()
