"""Where pods with GPUs go, by nodes that exist as objects only: the scheduler is real, the GPUs are numbers."""

import functools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from tests.cluster.cluster import Cluster, Object
from tests.cluster.release import LABEL, NAME, Release, with_changes
from tests.cluster.values import BASE

GPU: Final = "nvidia.com/gpu"
GPUS: Final = {"fake-a": 3, "fake-b": 3, "fake-c": 1}
RANKS: Final = 2
# The pod's own number, which thinker and performer group share.
INDEX: Final = "apps.kubernetes.io/pod-index"
SCHEDULED_S: Final = 30


def beside(component: str, **more: Any) -> list[dict[str, Any]]:
    """Pods of a component on the same node."""
    labels = {LABEL: component, "app.kubernetes.io/instance": NAME}
    return [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}, **more}]


REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
# A group a node, and its own thinker beside it.
SPREAD: Final = {"podAntiAffinity": {REQUIRED: beside("performer")}}
PAIRED: Final = {"podAffinity": {REQUIRED: beside("performer", matchLabelKeys=[INDEX])}}
TOLERATIONS: Final = [{"key": GPU, "operator": "Exists"}]
VALUES: Final = with_changes(
    BASE,
    {
        "device": "cuda",
        "model": {"preset": "v0_1"},
        "gateway": {"replicas": 1},
        "thinker": {"tolerations": TOLERATIONS, "affinity": PAIRED},
        "performer": {"ranks": RANKS, "tolerations": TOLERATIONS, "affinity": SPREAD},
    },
)


@pytest.fixture
def gpu_nodes(cluster: Cluster) -> Iterator[None]:
    """Nodes with GPUs that nobody without a toleration gets."""
    if cluster.node is None:
        pytest.skip("the cluster is somebody else's: its nodes are not ours to make")
    heartbeat = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, count in GPUS.items():
        metadata = {"name": name, "labels": {"kubernetes.io/hostname": name}}
        spec = {"taints": [{"key": GPU, "effect": "NoSchedule"}]}
        cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec})
        size = {"cpu": "64", "memory": "512Gi", "pods": "100", GPU: str(count)}
        ready = {"type": "Ready", "status": "True", "reason": "Fake", "message": "", "lastHeartbeatTime": heartbeat}
        status = {"capacity": size, "allocatable": size, "conditions": [{**ready, "lastTransitionTime": heartbeat}]}
        patch = [
            "patch",
            "node",
            name,
            "--subresource=status",
            "--type=merge",
            "--patch",
            json.dumps({"status": status}),
        ]
        cluster.kubectl(*patch)
    yield
    cluster.kubectl("delete", "node", *GPUS)


@pytest.fixture
def release(cluster: Cluster, images: dict[str, Any], gpu_nodes: None) -> Iterator[Release]:
    """Installed, its pods not waited for: nobody runs those of the made-up nodes."""
    cluster.make_namespace("gpus")
    release = Release(cluster=cluster, namespace="gpus", values=with_changes(VALUES, images))
    release.install(waits=False)
    yield release
    release.uninstall(waits=False)
    cluster.kubectl("delete", "pods", "--all", "--namespace=gpus", "--force", "--grace-period=0")
    cluster.remove_namespace("gpus")


def nodes_of(release: Release) -> dict[str, str]:
    """Pod (thinker-0) to node, for pods that were given one."""
    pods = [pod for component in ("thinker", "performer") for pod in release.pods(component)]
    return {short_name(pod): pod["spec"]["nodeName"] for pod in pods if "nodeName" in pod["spec"]}


def short_name(pod: Object) -> str:
    """Without the release's name."""
    return str(pod["metadata"]["name"]).removeprefix(f"{NAME}-wan-streamer-")


def test_groups_are_packed_and_a_group_without_room_does_not_start_in_part(release: Release) -> None:
    """Two nodes of three GPUs take a group of two ranks and its thinker each, to the last GPU. A third group finds one
    GPU free: none of its ranks starts, nor its thinker, and the others stay where they are."""
    wait = functools.partial(release.cluster.wait, limit_s=SCHEDULED_S)
    wait(lambda: len(nodes_of(release)) == 4)
    placed = nodes_of(release)
    assert {placed["performer-0"], placed["performer-1"]} == {"fake-a", "fake-b"}
    for group in range(2):
        assert placed[f"thinker-{group}"] == placed[f"performer-{group}"]
    for component, count in (("thinker", 1), ("performer", RANKS)):
        for pod in release.pods(component):
            assert pod["spec"]["containers"][0]["resources"]["limits"][GPU] == str(count)

    release.upgrade("thinker.replicas=3", "performer.groups=3", waits=False)
    wait(lambda: [short_name(pod) for pod in release.pods("performer") if cannot_be_placed(pod)] == ["performer-2"])
    wait(lambda: [short_name(pod) for pod in release.pods("thinker") if cannot_be_placed(pod)] == ["thinker-2"])
    assert nodes_of(release) == placed


def cannot_be_placed(pod: Object) -> bool:
    """Whether the scheduler said so."""
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "PodScheduled" and one.get("reason") == "Unschedulable" for one in conditions)
