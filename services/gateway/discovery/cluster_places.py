"""From EndpointSlices and pods to places: a thinker is there when both name the same pod, by its UID."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.gateway.discovery.object_watch import KubernetesObject
from services.gateway.discovery.place import Place, Places

COMPONENT: Final = "app.kubernetes.io/component"
GROUP: Final = "wan-streamer/group"
# Ordinals of a StatefulSet's pod and of a LeaderWorkerSet's group, from which a group's name is made otherwise.
GROUP_INDICES: Final = ("leaderworkerset.sigs.k8s.io/group-index", "apps.kubernetes.io/pod-index")
PORT_NAME: Final = "grpc"


@dataclass(frozen=True, kw_only=True)
class ServiceName:
    """The thinkers' headless Service."""

    service: str
    namespace: str
    cluster_domain: str

    def of_pod(self, hostname: str) -> str:
        """The full name of a pod behind it."""
        return f"{hostname}.{self.service}.{self.namespace}.svc.{self.cluster_domain}"


def places_of(
    slices: Sequence[KubernetesObject], pods: Sequence[KubernetesObject], name: ServiceName, *, is_current: bool
) -> Places:
    """What the objects of a namespace say.

    Args:
        slices: EndpointSlices of the thinkers' Service.
        pods: of thinkers and performers.
        name: for the names in certificates.
        is_current: passed on.
    """
    known = {pod["metadata"]["uid"]: pod for pod in pods}
    thinkers = {}
    for endpoint, port in _endpoints(slices):
        uid = endpoint["targetRef"]["uid"]
        pod = known.get(uid)
        # An EndpointSlice may lag behind: then its address is that of a pod which is gone. A pod with two families of
        # addresses stands in two slices and is one place, at its primary address.
        if pod is not None and pod.get("status", {}).get("podIP") in endpoint["addresses"]:
            address = pod["status"]["podIP"]
            thinkers[uid] = Place(
                address=f"[{address}]:{port}" if ":" in address else f"{address}:{port}",
                pod_uid=uid,
                server_name=name.of_pod(endpoint.get("hostname") or pod["metadata"]["name"]),
            )
    leaving = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
    return Places(
        thinkers=[place for _, place in sorted(thinkers.items())],
        leaving_pod_uids=frozenset(pod["metadata"]["uid"] for pod in leaving),
        leaving_groups=frozenset(group for pod in leaving if (group := _group_of(pod))),
        is_current=is_current,
    )


def _endpoints(slices: Sequence[KubernetesObject]) -> Iterator[tuple[dict[str, Any], int]]:
    """Endpoints that are pods, with the port of each."""
    for each in slices:
        ports = [port["port"] for port in each.get("ports") or () if port.get("name") == PORT_NAME and port.get("port")]
        for endpoint in (each.get("endpoints") or ()) if ports else ():
            if (endpoint.get("targetRef") or {}).get("kind") == "Pod":
                yield endpoint, ports[0]


def _group_of(pod: KubernetesObject) -> str:
    """Name of a performer's group, as the chart gives it to the performer; empty for other pods."""
    labels = pod["metadata"].get("labels") or {}
    if labels.get(COMPONENT) != "performer":
        return ""
    index = next((labels[label] for label in GROUP_INDICES if label in labels), None)
    return labels.get(GROUP) or (f"performer-{index}" if index is not None else "")
