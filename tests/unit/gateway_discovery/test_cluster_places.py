"""What EndpointSlices and pods say together."""

from services.gateway.discovery.cluster_places import ServiceName, places_of
from services.gateway.discovery.place import Place
from tests.support.kubernetes_api import Object, endpoint_slice, pod

NAME = ServiceName(service="thinker", namespace="talk", cluster_domain="example")


def thinkers(slices: list[Object], pods: list[Object]) -> list[Place]:
    return list(places_of(slices, pods, NAME, is_current=True).thinkers)


def test_a_place_needs_slice_and_pod_of_one_uid_and_address() -> None:
    """A pod without an endpoint, an endpoint without its pod, and an address that moved give none."""
    there, moved = pod("t-0", "a", "10.0.0.1"), pod("t-1", "b", "10.0.0.2")
    gone = pod("t-2", "c", "10.0.0.3")
    slices = [endpoint_slice(there, moved, gone)]
    moved_now = pod("t-1", "b", "10.0.0.22")
    found = thinkers(slices, [there, moved_now, pod("t-3", "d", "10.0.0.4")])
    assert found == [Place(address="10.0.0.1:7301", pod_uid="a", server_name="t-0.thinker.talk.svc.example")]


def test_a_pod_in_two_slices_is_one_place() -> None:
    """Endpoints move between slices, and a second family of addresses has slices of its own."""
    both = pod("t-0", "a", "fd00::1")
    other_family = endpoint_slice(pod("t-0", "a", "10.0.0.1"), name="v4")
    found = thinkers([endpoint_slice(both), endpoint_slice(both, name="y"), other_family], [both])
    assert [place.address for place in found] == ["[fd00::1]:7301"]


def test_slices_without_pods_or_the_port_are_passed_over() -> None:
    """Empty slices have null for lists, and an endpoint need not be a pod."""
    there = pod("t-0", "a", "10.0.0.1")
    strange = endpoint_slice(there)
    strange["endpoints"][0]["targetRef"] = None
    empty: Object = {"metadata": {"name": "e", "uid": "e"}, "ports": None, "endpoints": None}
    unnamed = endpoint_slice(there)
    unnamed["ports"] = [{"name": "metrics", "port": 1}]
    assert thinkers([strange, empty, unnamed], [there]) == []


def test_groups_have_the_names_that_the_chart_gives_them() -> None:
    """From the label of the group, or from the ordinal of the pod or of the LeaderWorkerSet's group."""
    pods = [
        pod("p-3", "a", "10.0.0.1", component="performer", index=3, is_leaving=True),
        pod("p-5-1", "b", "10.0.0.2", component="performer", index=1, is_leaving=True),
        pod("p-4-1", "c", "10.0.0.3", component="performer", index=1, is_leaving=True),
        pod("p-6", "d", "10.0.0.4", component="performer", index=6),
        pod("t-7", "e", "10.0.0.5", index=7, is_leaving=True),
    ]
    pods[1]["metadata"]["labels"]["wan-streamer/group"] = "performer-5"
    pods[2]["metadata"]["labels"]["leaderworkerset.sigs.k8s.io/group-index"] = "4"
    places = places_of([], pods, NAME, is_current=False)
    assert places.leaving_groups == {"performer-3", "performer-4", "performer-5"}
    assert places.leaving_pod_uids == {"a", "b", "c", "e"}
    assert not places.is_current
