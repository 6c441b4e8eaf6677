"""How a gateway finds thinkers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class DiscoveryConfig:
    """Where the thinkers are."""

    discovery: Literal["static", "kubernetes"] = "static"
    """static: those of --thinker. kubernetes: those that the cluster's API server names, as they come and go."""
    thinker: tuple[str, ...] = ()
    """static: addresses (host:port) of the thinkers. New sessions go to the least loaded one that admits."""
    discovery_service: str = ""
    """kubernetes: name of the thinkers' headless Service."""
    discovery_selector: str = ""
    """kubernetes: labels of thinkers' and performers' pods, for example app.kubernetes.io/instance=avatar."""
    discovery_namespace: str = ""
    """kubernetes: namespace of the pods; the gateway's own when empty."""
    discovery_cluster_domain: str = "cluster.local"
    """kubernetes: domain of the cluster's DNS, for the names in the thinkers' certificates."""
    discovery_kubeconfig: Path | None = None
    """kubernetes: how to reach the API server from outside; a pod's own service account when absent."""
