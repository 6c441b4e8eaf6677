"""Writes JSON schemas of Kubernetes objects for kubeconform: `python scripts/chart_schemas.py build/schemas`.

Made from the files inside published Go modules, so no other source is needed: the OpenAPI of three minors of
Kubernetes, and the custom resources that the chart can make. The schemas are closed: a field that the API server would
drop in silence is an error.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

# The oldest one that cluster tests run on, and those that came after it.
KUBERNETES_VERSIONS: Final = ("1.34.4", "1.35.4", "1.36.3")
KINDS: Final = frozenset(
    {
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "Pod", "PodDisruptionBudget",
        "Role", "RoleBinding", "Secret", "Service", "ServiceAccount", "StatefulSet",
    }
)  # fmt: skip
# Written as a number too, in YAML and by helm.
LOOSE: Final = frozenset(
    {"io.k8s.apimachinery.pkg.api.resource.Quantity", "io.k8s.apimachinery.pkg.util.intstr.IntOrString"}
)

OPERATOR: Final = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
OPERATOR_FILE: Final = "example/prometheus-operator-crd/monitoring.coreos.com_{}.yaml"
# Module and file of each custom resource.
CUSTOM_RESOURCES: Final = {
    "podmonitor": (OPERATOR, OPERATOR_FILE.format("podmonitors")),
    "prometheusrule": (OPERATOR, OPERATOR_FILE.format("prometheusrules")),
    "certificate": ("github.com/cert-manager/cert-manager@v1.21.2", "deploy/crds/cert-manager.io_certificates.yaml"),
    "leaderworkerset": ("sigs.k8s.io/lws@v0.9.0", "config/crd/bases/leaderworkerset.x-k8s.io_leaderworkersets.yaml"),
}  # fmt: skip

Schema = dict[str, Any]


def module_folder(module: str) -> Path:
    """Folder of a Go module (path@version), downloaded when absent."""
    done = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"])


def closed(definition: Schema) -> Schema:
    """A definition that knows its fields takes no others; null is as good as absent."""
    if "properties" in definition and "additionalProperties" not in definition:
        return {**definition, "additionalProperties": False}
    return definition


def references(schema: object) -> set[str]:
    """Names of all definitions that a schema refers to."""
    if isinstance(schema, dict):
        found = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set()
        return found.union(*(references(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(references(value) for value in schema))
    return set()


def standing_alone(name: str, definitions: dict[str, Schema]) -> Schema:
    """The schema of one kind with all that it refers to."""
    needed: set[str] = set()
    waiting = {name}
    while waiting:
        each = waiting.pop()
        needed.add(each)
        waiting |= references(definitions[each]) - needed
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": f"#/definitions/{name}",
        "definitions": {each: definitions[each] for each in sorted(needed)},
    }


def write_schemas(version: str, out: Path) -> None:
    """The schemas of one version, named as kubeconform looks for them: kind-group-version.json."""
    swagger = json.loads((module_folder(f"k8s.io/kubernetes@v{version}") / "api/openapi-spec/swagger.json").read_text())
    definitions = {name: closed(definition) for name, definition in swagger["definitions"].items()}
    definitions |= {name: {"type": ["string", "number"]} for name in LOOSE}
    out.mkdir(parents=True, exist_ok=True)
    for name, definition in list(definitions.items()):
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            if kind["kind"] in KINDS:
                parts = [kind["kind"].lower(), kind["group"].partition(".")[0], kind["version"]]
                path = out / f"{'-'.join(part for part in parts if part)}.json"
                path.write_text(json.dumps(standing_alone(name, definitions)))


def closed_throughout(schema: Schema) -> Schema:
    """A custom resource's schema, closed at each level that knows its fields."""
    deep = {
        **schema,
        **{
            key: closed_throughout(schema[key])
            for key in ("items", "additionalProperties")
            if isinstance(schema.get(key), dict)
        },
        **{
            key: {name: closed_throughout(each) for name, each in schema[key].items()}
            for key in ("properties",)
            if key in schema
        },
    }
    return deep if schema.get("x-kubernetes-preserve-unknown-fields") else closed(deep)


def write_custom_resources(out: Path) -> None:
    """The schemas of the custom resources, of the version that is stored."""
    out.mkdir(parents=True, exist_ok=True)
    for kind, (module, file) in CUSTOM_RESOURCES.items():
        definition = yaml.safe_load((module_folder(module) / file).read_text())["spec"]
        [version] = [each for each in definition["versions"] if each["storage"]]
        schema = closed_throughout(version["schema"]["openAPIV3Schema"])
        group = definition["group"].partition(".")[0]
        (out / f"{kind}-{group}-{version['name']}.json").write_text(json.dumps(schema))


def main(out: Path) -> None:
    """All versions that are not there yet."""
    if not (out / "custom").is_dir():
        write_custom_resources(out / "custom")
    for version in KUBERNETES_VERSIONS:
        if not (out / version).is_dir():
            sys.stdout.write(f"schemas of Kubernetes {version}\n")
            write_schemas(version, out / version)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
