"""Renders the chart as a user would: `helm template` with a values file."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

REPOSITORY: Final = Path(__file__).parents[2]
CHART: Final = REPOSITORY / "helm" / "wan-streamer"
CI_VALUES: Final = tuple(sorted(path.name.removesuffix("-values.yaml") for path in CHART.glob("ci/*-values.yaml")))
RELEASE: Final = "avatar"
NAMESPACE: Final = "talk"

Values = Mapping[str, Any]
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Helm:
    """The helm program."""

    program: Path

    def text(self, values: Values | None = None) -> str:
        """All manifests as helm prints them.

        Raises:
            AssertionError: helm refused; with what it said.
        """
        done = self.run(values or {})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def manifests(self, values: Values | None = None) -> list[Manifest]:
        """All manifests as data."""
        return [document for document in yaml.safe_load_all(self.text(values)) if document]

    def refusal(self, values: Values) -> str:
        """What helm says about values that it must refuse."""
        done = self.run(values)
        assert done.returncode != 0, "helm took the values"
        return done.stderr

    def run(self, values: Values) -> subprocess.CompletedProcess[str]:
        """`helm template`."""
        return self._with_values(values, "template", RELEASE, str(CHART), "--namespace", NAMESPACE)

    def lint(self, values: Values) -> subprocess.CompletedProcess[str]:
        """`helm lint --strict`."""
        return self._with_values(values, "lint", str(CHART), "--strict")

    def _with_values(self, values: Values, *command: str) -> subprocess.CompletedProcess[str]:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(dict(values), file)
            file.flush()
            return subprocess.run(
                [self.program, *command, "--values", file.name], capture_output=True, text=True, check=False, timeout=60
            )


def ci_values(name: str) -> dict[str, Any]:
    """The values of ci/<name>-values.yaml."""
    values: dict[str, Any] = yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text())
    return values


def default_values() -> dict[str, Any]:
    """values.yaml."""
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return values


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """The manifests of a kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The manifest of a kind and name (without the release's prefix)."""
    [found] = [
        each for each in of_kind(manifests, kind) if each["metadata"]["name"] == f"{RELEASE}-wan-streamer-{name}"
    ]
    return found


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Name and spec of every pod that the manifests make."""
    for manifest in manifests:
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        if manifest["kind"] == "Pod":
            yield name, manifest["spec"]
        elif manifest["kind"] in ("Deployment", "StatefulSet"):
            yield name, manifest["spec"]["template"]["spec"]
        elif manifest["kind"] == "LeaderWorkerSet":
            yield name, manifest["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]


def container(pod: Manifest, name: str) -> Manifest:
    """A container of a pod."""
    [found] = [each for each in pod["containers"] if each["name"] == name]
    return found


def workload(manifests: list[Manifest], component: str) -> Manifest:
    """The one Deployment or StatefulSet of a component."""
    [found] = [
        each
        for each in manifests
        if each["kind"] in ("Deployment", "StatefulSet")
        and each["metadata"]["labels"]["app.kubernetes.io/component"] == component
    ]
    return found
