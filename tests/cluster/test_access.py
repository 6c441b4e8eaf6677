"""What the suite's accounts may do: the gateway's exactly what watching for thinkers needs, the others nothing."""

import itertools
import json
from typing import Final

import pytest
import yaml

from tests.cluster.release import Release

VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
# (group, resource); a subresource after a slash.
RESOURCES: Final = (
    *(("", kind) for kind in ("pods", "services", "endpoints", "secrets", "configmaps", "events", "nodes")),
    *(("", kind) for kind in ("pods/exec", "pods/log", "pods/eviction", "serviceaccounts/token", "namespaces")),
    *(("apps", kind) for kind in ("deployments", "statefulsets", "statefulsets/scale")),
    ("discovery.k8s.io", "endpointslices"),
    ("coordination.k8s.io", "leases"),
    *(("rbac.authorization.k8s.io", kind) for kind in ("roles", "rolebindings", "clusterroles")),
    ("*", "*"),
)
NEEDED: Final = set(itertools.product(("get", "list", "watch"), [("", "pods"), ("discovery.k8s.io", "endpointslices")]))
Right = tuple[str, tuple[str, str]]


def rights(release: Release, component: str, namespace: str) -> set[Right]:
    """What the API server allows a component's account, of all that is asked: the answers of `kubectl auth can-i`."""
    asked = list(itertools.product(VERBS, RESOURCES))
    reviews = []
    for verb, (group, resource) in asked:
        kind, _, sub = resource.partition("/")
        attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": kind, "subresource": sub}
        account = f"system:serviceaccount:{release.namespace}:{release.object_name(component)}"
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{release.namespace}", "system:authenticated"]
        spec = {"user": account, "groups": groups, "resourceAttributes": attributes}
        reviews.append({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
    answer = release.cluster.kubectl("create", "-f", "-", "--output=json", stdin=yaml.safe_dump_all(reviews))
    answered = json.JSONDecoder()
    found: list[Right] = []
    position = 0
    for right in asked:
        review, position = answered.raw_decode(answer, position)
        position += len(answer[position:]) - len(answer[position:].lstrip())
        found += [right] if review["status"]["allowed"] else []
    return set(found)


def test_the_gateway_may_do_what_it_needs_and_no_more(tiny: Release) -> None:
    """Pods and EndpointSlices of its namespace, to read; of another namespace nothing."""
    assert rights(tiny, "gateway", tiny.namespace) == NEEDED
    assert rights(tiny, "gateway", "kube-system") == set()


@pytest.mark.parametrize("component", ["thinker", "performer"])
def test_the_others_may_do_nothing_and_have_no_token(tiny: Release, component: str) -> None:
    """No right, and nothing in the pod to use one with."""
    assert rights(tiny, component, tiny.namespace) == set()
    for pod in tiny.pods(component):
        mounts = [mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]]
        assert not [path for path in mounts if path.startswith("/var/run/secrets")]


def test_a_pod_that_may_do_more_is_not_admitted(tiny: Release) -> None:
    """The namespace of these tests does enforce Pod Security "restricted": the chart's pods pass, others do not."""
    tiny_pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root", "namespace": tiny.namespace},
        "spec": {"containers": [{"name": "root", "image": "localhost/pause:1"}]},
    }
    with pytest.raises(AssertionError, match='violates PodSecurity "restricted'):
        tiny.cluster.apply(tiny_pod)
