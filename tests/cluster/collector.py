"""The OTLP collector of the tests: a pod in the cluster, so that it works in any one."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.cluster import Cluster

PROGRAM = Path(__file__).with_name("collector_program.py")
NAME = "collector"


@dataclass(frozen=True, kw_only=True)
class Collector:
    """A collector in a namespace of its own."""

    cluster: Cluster
    namespace: str

    @property
    def endpoint(self) -> str:
        """For services in the cluster."""
        return f"http://{NAME}.{self.namespace}.svc.cluster.local:4317"

    def start(self, image: str) -> None:
        """Waits until it runs.

        Args:
            image: the gateway's, which has what the program imports.
        """
        metadata = {"name": NAME, "namespace": self.namespace, "labels": {"app": NAME}}
        container = {
            "name": NAME,
            "image": image,
            "command": ["python", "/program/collector.py"],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "program", "mountPath": "/program"}, {"name": "tmp", "mountPath": "/tmp"}],
            "readinessProbe": {"tcpSocket": {"port": 4317}, "periodSeconds": 1},
        }
        spec = {
            "containers": [container],
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "program", "configMap": {"name": NAME}}, {"name": "tmp", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 0,
        }
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": {"collector.py": PROGRAM.read_text()},
            },
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata,
                "spec": {"selector": {"app": NAME}, "ports": [{"port": 4317}]},
            },
        )
        self.cluster.kubectl(
            "wait", f"pod/{NAME}", "--for=condition=Ready", f"--namespace={self.namespace}", "--timeout=60s"
        )

    def spans(self) -> list[dict[str, Any]]:
        """All that have arrived: service, name, trace, id, parent, rank."""
        command = [
            "exec",
            NAME,
            f"--namespace={self.namespace}",
            "--",
            "sh",
            "-c",
            "cat /tmp/spans 2>/dev/null || true",
        ]
        return [json.loads(line) for line in self.cluster.kubectl(*command).splitlines()]
