"""values.schema.json is closed: a misspelt key is refused, not ignored."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart.helm import CHART, Helm, default_values

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
# Maps that Kubernetes defines, not we: their schema is the API server's.
FOREIGN = (
    "volume requests limits podSecurityContext containerSecurityContext affinity updateStrategy behavior issuerRef"
)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    definition: dict[str, Any] = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    return definition


def own_maps(values: dict[str, Any], schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all maps of the defaults whose keys are ours."""
    schema = resolved(schema)
    if schema.get("additionalProperties") is False:
        yield path
    for key, value in values.items():
        if isinstance(value, dict):
            assert key in schema["properties"], f"{'.'.join(path)}: {key} is not in the schema"
            child = resolved(schema["properties"][key])
            is_open = "additionalProperties" not in child
            assert not is_open or key in FOREIGN.split(), f"{'.'.join((*path, key))} is open"
            if child.get("additionalProperties") is False:
                yield from own_maps(value, child, (*path, key))


MAPS = list(own_maps(default_values(), SCHEMA))


@pytest.mark.parametrize("path", MAPS, ids=[".".join(path) or "top" for path in MAPS])
def test_a_misspelt_key_is_refused(helm: Helm, path: tuple[str, ...]) -> None:
    """In each of our maps a key that we do not know stops helm, and the message names it."""
    values: dict[str, Any] = {"replicsa": 1}
    for key in reversed(path):
        values = {key: values}
    assert "replicsa" in helm.refusal(values)


def test_there_are_maps_to_try() -> None:
    """The walk above finds the nested ones."""
    assert ("gateway", "tokenKey") in MAPS
    assert ("performer", "probes", "startup") in MAPS


def test_every_default_key_is_described_and_in_the_schema() -> None:
    """The defaults and the schema know the same keys at the top and in each component."""
    values = default_values()
    assert set(SCHEMA["properties"]) == {*values, "global"}
    for component in ("gateway", "thinker", "performer"):
        assert set(SCHEMA["properties"][component]["properties"]) == set(values[component])


@pytest.mark.parametrize(
    "values",
    [
        {"device": "tpu"},
        {"gateway": {"port": 70000}},
        {"gateway": {"replicas": 0}},
        {"performer": {"layout": "podPerNode"}},
        {"performer": {"shmSize": "1 GB"}},
        {"slo": {"objectives": [{"name": "x"}]}},
        {"gateway": {"image": {"digest": "latest"}}},
    ],
)
def test_a_wrong_value_is_refused(helm: Helm, values: dict[str, Any]) -> None:
    """Types, ranges and words are checked before anything is rendered."""
    helm.refusal(values)
