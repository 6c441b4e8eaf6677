"""A release of the chart in a namespace of its own, and its pods."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.chart.helm import CHART
from tests.cluster.cluster import Cluster, Object

NAME: Final = "avatar"
# A cold start of eight processes with torch on two cores.
READY_S: Final = 300
LABEL: Final = "app.kubernetes.io/component"


@dataclass(kw_only=True)
class Release:
    """`helm install` and what follows.

    Attributes:
        values: that it was installed with.
    """

    cluster: Cluster
    namespace: str
    values: Mapping[str, Any]

    def install(self, *, waits: bool = True) -> None:
        """With `waits` until all pods are ready."""
        self._helm("install", str(CHART), *_waiting(waits), values=self.values)

    def upgrade(self, *changes: str, waits: bool = True) -> None:
        """The same values, but for `changes`: NAME=VALUE, as --set takes them."""
        sets = [f"--set={change}" for change in changes]
        self._helm("upgrade", str(CHART), *_waiting(waits), *sets, values=self.values)

    def helm_test(self) -> str:
        """What its conversation said."""
        return self._helm("test", "--logs", "--timeout=200s")

    def rollback(self) -> None:
        """To the values before the last upgrade."""
        self._helm("rollback", *_waiting(True))

    def uninstall(self, *, waits: bool = True) -> None:
        """With `waits` until its objects are gone."""
        self._helm("uninstall", *_waiting(waits))

    def address(self) -> str:
        """Where a client outside of the cluster reaches the gateways: the Service's port of a node."""
        [service] = self.cluster.get("service", self.object_name("gateway"), namespace=self.namespace)
        [node, *_] = json.loads(self.cluster.kubectl("get", "nodes", "--output=json"))["items"]
        ip = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
        return f"{ip}:{service['spec']['ports'][0]['nodePort']}"

    def pods(self, component: str) -> list[Object]:
        """Pods of a component that are not being ended, by name."""
        return [pod for pod in self.all_pods(component) if "deletionTimestamp" not in pod["metadata"]]

    def all_pods(self, component: str) -> list[Object]:
        """Those that are being ended, too."""
        selector = f"--selector=app.kubernetes.io/instance={NAME},{LABEL}={component}"
        return self.cluster.get("pods", selector, namespace=self.namespace)

    def pod(self, name: str) -> Object:
        """One pod, by the end of its name: thinker-0."""
        [pod] = self.cluster.get("pod", self.object_name(name), namespace=self.namespace)
        return pod

    def uids(self, component: str) -> set[str]:
        """Of its pods."""
        return {pod["metadata"]["uid"] for pod in self.pods(component)}

    def are_ready(self, component: str, count: int) -> bool:
        """Whether a component has so many pods, all ready."""
        pods = self.pods(component)
        return len(pods) == count and all(is_ready(pod) for pod in pods)

    def restarts(self) -> dict[str, int]:
        """How often the container of each pod was started again."""
        pods = [pod for component in ("gateway", "thinker", "performer") for pod in self.pods(component)]
        return {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods}

    def python(self, pod: str, program: str, *arguments: str, limit_s: float = 60) -> str:
        """What a program prints that the Python of a pod's own container runs."""
        command = ["exec", "--stdin", pod, f"--namespace={self.namespace}", "--", "python", "-", *arguments]
        return self.cluster.kubectl(*command, stdin=program, limit_s=limit_s)

    def delete_pod(self, name: str) -> None:
        """As `kubectl delete pod`, without waiting for its end."""
        self.cluster.kubectl("delete", "pod", name, f"--namespace={self.namespace}", "--wait=false")

    def logs(self, pod: str) -> list[dict[str, Any]]:
        """What a pod's service has logged since its container was started."""
        lines = self.cluster.kubectl("logs", pod, f"--namespace={self.namespace}").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def thinker_of(self, session_id: str) -> int:
        """The ordinal of the thinker that has a session, by what it logs; its performer group has the same."""
        return int(self._who_has("thinker", session_id).rpartition("-")[2])

    def gateway_of(self, session_id: str) -> str:
        """The gateway that a session has been attached to, as `thinker_of`."""
        return self._who_has("gateway", session_id)

    def object_name(self, component: str) -> str:
        """As the chart names a component's objects."""
        return f"{NAME}-wan-streamer-{component}"

    def _who_has(self, component: str, session_id: str) -> str:
        running = [pod for pod in self.pods(component) if is_running(pod)]
        [name] = [
            str(pod["metadata"]["name"])
            for pod in running
            if any(line.get("session_id") == session_id for line in self.logs(pod["metadata"]["name"]))
        ]
        return name

    def _helm(self, action: str, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        return self.cluster.helm(action, NAME, *arguments, f"--namespace={self.namespace}", values=values)


def is_running(pod: Object) -> bool:
    """Whether its container has started."""
    statuses = pod["status"].get("containerStatuses", [])
    return any("running" in status["state"] for status in statuses)


def _waiting(waits: bool) -> list[str]:
    return [f"--timeout={READY_S}s", f"--wait={'watcher' if waits else 'hookOnly'}"]


def is_ready(pod: Object) -> bool:
    """Whether the pod says so."""
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def with_changes(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values with some others, map by map."""
    merged = copy.deepcopy(dict(values))
    for name, value in changes.items():
        is_map = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = with_changes(merged[name], value) if is_map else copy.deepcopy(value)
    return merged
