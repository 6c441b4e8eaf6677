"""A Kubernetes cluster through kubectl and helm."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.cluster.node import Node

Object = dict[str, Any]

# What every namespace has.
OF_EVERY_NAMESPACE = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}
# Of what is gone these stay for a while, by design of Kubernetes.
MEMORIES = {"Event", "PodMetrics"}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where the tests run.

    Attributes:
        node: the node that the tests have made; None where KUBECONFIG named a cluster of somebody else's.
    """

    kubeconfig: Path
    kubectl_program: Path
    helm_program: Path
    node: Node | None

    def kubectl(self, *arguments: str, stdin: str = "", limit_s: float = 120) -> str:
        """What it prints.

        Raises:
            AssertionError: it failed; with what it said.
        """
        command = [self.kubectl_program, f"--kubeconfig={self.kubeconfig}", *arguments]
        return _output(command, stdin, limit_s)

    def helm(self, *arguments: str, values: Mapping[str, Any] | None = None, limit_s: float = 400) -> str:
        """As `kubectl`; `values` are its values file."""
        more = [] if values is None else ["--values=-"]
        stdin = "" if values is None else yaml.safe_dump(dict(values))
        return _output([self.helm_program, f"--kubeconfig={self.kubeconfig}", *arguments, *more], stdin, limit_s)

    def get(self, *what: str, namespace: str) -> list[Object]:
        """Objects of a namespace; `what` as kubectl takes it."""
        found = json.loads(self.kubectl("get", *what, f"--namespace={namespace}", "--output=json"))
        items: list[Object] = found["items"] if found["kind"].endswith("List") else [found]
        return items

    def apply(self, *objects: Object) -> None:
        """Makes objects."""
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def make_namespace(self, name: str) -> None:
        """One that takes no pod which Pod Security "restricted" does not allow; in place of an older one."""
        self.remove_namespace(name)
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        self.wait(lambda: self.get("serviceaccounts", namespace=name), limit_s=20)

    def remove_namespace(self, name: str) -> None:
        """With all that is in it."""
        self.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=100s")

    def left_in(self, namespace: str) -> set[tuple[str, str]]:
        """Kind and name of all that is in a namespace, besides what every one has."""
        kinds = self.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
        # What may not be listed twice under two groups' names; and events, which outlive what they tell of.
        found = self.get(",".join(kind for kind in kinds if not kind.startswith("events")), namespace=namespace)
        names = {(one["kind"], one["metadata"]["name"]) for one in found if one["kind"] not in MEMORIES}
        return names - OF_EVERY_NAMESPACE

    def wait(self, is_so: Callable[[], Any], *, limit_s: float) -> float:
        """Waits until something is so; how long it took, in seconds.

        Raises:
            AssertionError: it is not, in time.
        """
        start = time.monotonic()
        while not is_so():
            assert time.monotonic() - start < limit_s, f"it is not so after {limit_s} s"
            time.sleep(0.2)
        return time.monotonic() - start


def _output(command: list[Any], stdin: str, limit_s: float) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=limit_s)
    assert done.returncode == 0, f"{' '.join(map(str, command[2:]))}: {done.stderr}{done.stdout}"
    return done.stdout
