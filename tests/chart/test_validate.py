"""Every rule of _validate.tpl fires, alone, with what / why / fix."""

import re

import pytest

from tests.chart.helm import CHART, Helm, Values

PER_RANK = {"layout": "podPerRank", "ranks": 2}
TLS_ON = {"enabled": True}
MANAGED = {"enabled": True, "issuerRef": {"name": "mine"}}
PDB = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "mine"}}
OBJECTIVE = {
    "name": "twice",
    "description": "Said twice.",
    "target": 0.99,
    "good": {"metric": "good_total", "match": ""},
    "total": {"metric": "all_total", "match": ""},
    "byGroup": False,
    "minimumEvents": 1,
}

CLAIM = {"persistentVolumeClaim": {"claimName": "avatar", "readOnly": True}}

CASES: list[tuple[str, Values]] = [
    ("HEADS", {"performer": {"ranks": 3}}),
    ("HEADS", {"model": {"preset": "v0_2"}, "performer": {"ranks": 32}}),
    ("PER_RANK_ROLLING", {"performer": {**PER_RANK, "updateStrategy": "RollingUpdate"}}),
    ("ONE_RANK", {"performer": {"layout": "leaderWorkerSet"}}),
    ("PAIRING", {"performer": {"groups": 3}, "thinker": {"replicas": 2}}),
    ("GRACE", {"gateway": {"terminationGracePeriodSeconds": 69}}),
    ("GRACE", {"thinker": {"terminationGracePeriodSeconds": 304}}),
    ("GRACE", {"performer": {"preStopSeconds": 10, "terminationGracePeriodSeconds": 305}}),
    ("PDB_ONE_BOUND", {"gateway": {"pdb": {"minAvailable": 1}}}),
    ("PDB_ONE_BOUND", {"performer": {"pdb": {"maxUnavailable": None}}}),
    ("PDB_BLOCKS", {"thinker": {"pdb": {"maxUnavailable": 0}}}),
    ("PDB_BLOCKS", {"gateway": {"pdb": {"minAvailable": 2, "maxUnavailable": None}}}),
    ("PDB_BLOCKS", {"gateway": {"pdb": {"minAvailable": "100%", "maxUnavailable": None}}}),
    ("TWO_PDBS", {"extraObjects": [PDB]}),
    ("TWO_PDBS", {"extraObjects": ["apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: mine}\n"]}),
    ("HPA_RANGE", {"gateway": {"autoscaling": {"enabled": True, "minReplicas": 9}}}),
    ("HPA_REQUEST", {"gateway": {"autoscaling": {"enabled": True}, "resources": {"requests": None}}}),
    ("INGRESS_HOST", {"gateway": {"ingress": {"enabled": True}}}),
    ("WEIGHTS_VOLUME", {"model": {"weights": {"source": "volume"}}}),
    ("WEIGHTS_IMAGE", {"model": {"weights": {"source": "initContainer"}}}),
    ("AVATAR_VOLUME", {"model": {"avatar": {"file": "library.safetensors"}}}),
    ("AVATAR_VOLUME", {"model": {"avatar": {"volume": CLAIM}}}),
    ("AVATAR_PRESET", {"model": {"preset": "v0_2", "avatar": {"file": "library.safetensors", "volume": CLAIM}}}),
    (
        "AVATAR_PATH",
        {
            "model": {
                "avatar": {"file": "library.safetensors", "volume": CLAIM},
                "weights": {"source": "volume", "volume": CLAIM, "mountPath": "/avatar"},
            }
        },
    ),
    ("GPU_COUNT", {"device": "cuda", "thinker": {"resources": {"limits": {"nvidia.com/gpu": 1}}}}),
    ("TLS_SOURCE", {"tls": {"internal": TLS_ON}}),
    ("TLS_SOURCE", {"tls": {"client": {**TLS_ON, "existingSecret": "mine", "certManager": MANAGED}}}),
    ("TLS_ISSUER", {"tls": {"internal": {**TLS_ON, "certManager": {"enabled": True}}}}),
    ("OTLP_ENDPOINT", {"tracing": {"otlpEndpoint": "collector:4317"}}),
    ("METRICS_OFF", {"metrics": {"enabled": False}, "monitoring": {"podMonitor": {"enabled": True}}}),
    ("RULES_WITHOUT_MONITOR", {"monitoring": {"rules": {"enabled": True}}}),
    ("SLO_NAME", {"slo": {"objectives": [OBJECTIVE, OBJECTIVE]}}),
    ("SLO_TARGET", {"slo": {"objectives": [{**OBJECTIVE, "target": 0.9}]}}),
]


@pytest.mark.parametrize(("rule", "values"), CASES, ids=[f"{index}-{rule}" for index, (rule, _) in enumerate(CASES)])
def test_a_rule_fires_alone_and_says_what_to_do(helm: Helm, rule: str, values: Values) -> None:
    """Values that break one rule get that rule's message, with a why and a fix, and no other."""
    message = helm.refusal(values)
    assert set(re.findall(r"^\[([A-Z_]+)\]", message, re.MULTILINE)) == {rule}, message
    assert re.search(rf"^\[{rule}\] \S.*\n  why: \S.*\n  fix: \S", message, re.MULTILINE), message


def test_every_rule_has_a_case() -> None:
    """No rule of the template is left out of the table, and none is in it that is not there."""
    rules = set(re.findall(r'"rule" "([A-Z_]+)"', (CHART / "templates" / "_validate.tpl").read_text()))
    assert rules == {rule for rule, _ in CASES}


def test_all_failures_are_told_at_once(helm: Helm) -> None:
    """Who has two faults sees both in the first run."""
    message = helm.refusal({"performer": {"ranks": 3, "terminationGracePeriodSeconds": 1}})
    assert "[HEADS]" in message
    assert "[GRACE]" in message


@pytest.mark.parametrize(
    "values",
    [
        {"gateway": {"terminationGracePeriodSeconds": 70}},
        {"gateway": {"pdb": {"minAvailable": 1, "maxUnavailable": None}}},
        {"performer": {"groups": 1}, "thinker": {"replicas": 5}},
        {"performer": {**PER_RANK, "updateStrategy": "OnDelete"}},
        {"model": {"preset": "v0_1"}, "performer": {"ranks": 8}},
        {"gateway": {"pdb": {"enabled": False, "minAvailable": 5}}},
    ],
)
def test_values_on_the_right_side_of_a_rule_pass(helm: Helm, values: Values) -> None:
    """The nearest values that keep the rules are taken."""
    assert helm.manifests(values)
