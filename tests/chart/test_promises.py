"""What the chart promises of every pod and of the paths between them."""

from typing import Any

import pytest

from tests.chart.helm import CI_VALUES, Helm, Manifest, ci_values, container, named, of_kind, pods, workload


@pytest.mark.parametrize("name", CI_VALUES)
def test_every_pod_is_restricted(helm: Helm, name: str) -> None:
    """All that the Pod Security Standard "restricted" asks for, on each container of each pod; and a read-only root."""
    found = list(pods(helm.manifests(ci_values(name))))
    assert len(found) >= 4
    for pod_name, pod in found:
        assert pod["securityContext"]["runAsNonRoot"] is True, pod_name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, pod_name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), pod_name
        for each in (*pod["containers"], *pod.get("initContainers", ())):
            context = each["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, pod_name
            assert context["capabilities"] == {"drop": ["ALL"]}, pod_name
            assert context["readOnlyRootFilesystem"] is True, pod_name
        kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"emptyDir", "secret", "configMap", "persistentVolumeClaim", "projected"}, pod_name


@pytest.mark.parametrize("component", ["gateway", "thinker", "performer"])
def test_the_grace_is_prestop_drain_and_margin(helm: Helm, component: str) -> None:
    """The kubelet waits for the Service to forget, for the drain and for the last spans; fractions are rounded up."""
    values: dict[str, Any] = {
        component: {"preStopSeconds": 7, "drainSeconds": 41},
        "termination": {"marginSeconds": 2.5},
    }
    pod = workload(helm.manifests(values), component)["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 51
    assert container(pod, component)["lifecycle"] == {"preStop": {"sleep": {"seconds": 7}}}
    assert "--drain-seconds=41" in container(pod, component)["args"]


def test_liveness_asks_the_engine_and_readiness_the_service(helm: Helm) -> None:
    """A thinker that lacks its performer is taken out of work and not restarted."""
    for component in ("gateway", "thinker", "performer"):
        pod = workload(helm.manifests(), component)["spec"]["template"]["spec"]
        probes = {
            kind: container(pod, component)[f"{kind}Probe"]["grpc"] for kind in ("startup", "liveness", "readiness")
        }
        assert probes["startup"]["service"] == probes["liveness"]["service"] == "live"
        assert "service" not in probes["readiness"]


def test_scaling_pairs_changes_no_pod_that_stays(helm: Helm) -> None:
    """One, two or three thinkers with as many groups have the same templates: none that holds sessions restarts."""
    templates = []
    for count in (1, 2, 3):
        values = {
            "gateway": {"discovery": "kubernetes"},
            "thinker": {"replicas": count},
            "performer": {"groups": count, "ranks": 2},
        }
        manifests = helm.manifests(values)
        pods = [workload(manifests, component)["spec"]["template"] for component in ("gateway", "thinker", "performer")]
        templates.append(pods)
    assert templates[0] == templates[1] == templates[2]


def test_an_engine_that_stands_still_gets_no_drain(helm: Helm) -> None:
    """Liveness kills soon after it failed: with the pod's grace, minutes long, nobody would be served so long."""
    for component in ("gateway", "thinker", "performer"):
        pod = workload(helm.manifests(), component)["spec"]["template"]["spec"]
        liveness = container(pod, component)["livenessProbe"]
        assert liveness["terminationGracePeriodSeconds"] == 5 < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize(("device", "thinker", "performer"), [("cpu", None, None), ("cuda", 1, 4)])
def test_gpus_are_counted_from_the_ranks(helm: Helm, device: str, thinker: int | None, performer: int | None) -> None:
    """One GPU a thinker and one a rank, none on CPUs."""
    manifests = helm.manifests({"device": device, "model": {"preset": "v0_1"}, "performer": {"ranks": 4}})
    for component, count in (("gateway", None), ("thinker", thinker), ("performer", performer)):
        limits = container(workload(manifests, component)["spec"]["template"]["spec"], component)["resources"]["limits"]
        assert limits.get("nvidia.com/gpu") == count


def test_shared_memory_is_in_memory_and_cleared_before_the_performer_starts(helm: Helm) -> None:
    """/dev/shm outlives a restart of the container, so the container clears it."""
    pod = workload(helm.manifests(), "performer")["spec"]["template"]["spec"]
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "shm"]
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}
    assert {"name": "shm", "mountPath": "/dev/shm"} in container(pod, "performer")["volumeMounts"]
    assert container(pod, "performer")["command"][2].startswith("rm -rf -- /dev/shm/* && exec ")


def test_a_pod_per_rank_is_a_set_and_a_service_per_group(helm: Helm) -> None:
    """Ranks start together, are replaced together by hand, and find each other before they are ready."""
    manifests = helm.manifests(ci_values("pod-per-rank"))
    for group in (0, 1):
        stateful_set = named(manifests, "StatefulSet", f"performer-{group}")["spec"]
        assert stateful_set["replicas"] == 2
        assert stateful_set["podManagementPolicy"] == "Parallel"
        assert stateful_set["updateStrategy"] == {"type": "OnDelete"}
        service = named(manifests, "Service", f"performer-{group}")["spec"]
        assert service["publishNotReadyAddresses"] is True
        assert service["selector"] == stateful_set["selector"]["matchLabels"]
        assert service["selector"]["wan-streamer/group"] == f"performer-{group}"


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def allowed(policies: list[Manifest], direction: str, labels: dict[str, str], peer: dict[str, str], port: int) -> bool:
    """Whether the policies let a pod talk with a peer pod; both in the namespace."""
    side = {"Ingress": "from", "Egress": "to"}[direction]
    mine = [each["spec"] for each in policies if selects(each["spec"]["podSelector"]["matchLabels"], labels)]
    assert mine, "no policy selects the pod: everything is allowed"
    return any(
        (not rule.get("ports") or port in [each["port"] for each in rule["ports"]])
        and (
            side not in rule
            or any(selects(each["podSelector"]["matchLabels"], peer) for each in rule[side] if "podSelector" in each)
        )
        for spec in mine
        for rule in spec.get(direction.lower(), ())
    )


PORTS = {"gateway": 7300, "thinker": 7301, "performer": 7302}
PATHS = {("gateway", "thinker"), ("thinker", "performer"), ("test", "gateway")}


@pytest.mark.parametrize("layout", ["podPerGroup", "podPerRank"])
def test_exactly_the_paths_that_exist_are_open(helm: Helm, layout: str) -> None:
    """Of all pairs of components of a release only caller and callee may connect."""
    ranks = 2 if layout == "podPerRank" else 1
    values = {
        "performer": {"layout": layout, "ranks": ranks},
        "networkPolicy": {"clients": [{"podSelector": {"matchLabels": {"app": "client"}}}]},
    }
    policies = of_kind(helm.manifests(values), "NetworkPolicy")
    base = {"app.kubernetes.io/name": "wan-streamer", "app.kubernetes.io/instance": "avatar"}
    labels = {name: {**base, "app.kubernetes.io/component": name} for name in (*PORTS, "test")}
    for caller in labels:
        for callee, port in PORTS.items():
            is_open = allowed(policies, "Egress", labels[caller], labels[callee], port) and allowed(
                policies, "Ingress", labels[callee], labels[caller], port
            )
            assert is_open == ((caller, callee) in PATHS), (caller, callee)
    assert allowed(policies, "Ingress", labels["gateway"], {"app": "client"}, 7300)
    assert not allowed(policies, "Ingress", labels["gateway"], {"app": "stranger"}, 7300)
    assert not allowed(policies, "Ingress", labels["thinker"], {"app": "client"}, 7301)


@pytest.mark.parametrize(
    ("layout", "label", "values"),
    [
        ("podPerRank", "wan-streamer/group", ("performer-0", "performer-1")),
        ("leaderWorkerSet", "leaderworkerset.sigs.k8s.io/group-index", ("0", "1")),
    ],
)
def test_ranks_reach_their_own_group_at_all_ports_and_nobody_else_does(
    helm: Helm, layout: str, label: str, values: tuple[str, str]
) -> None:
    """The store, gloo and NCCL draw their ports; the rendezvous is for ranks of the group, not even for its thinker."""
    manifests = helm.manifests({"thinker": {"replicas": 2}, "performer": {"layout": layout, "ranks": 2, "groups": 2}})
    policies = of_kind(manifests, "NetworkPolicy")
    base = {"app.kubernetes.io/name": "wan-streamer", "app.kubernetes.io/instance": "avatar"}
    one, other = ({**base, "app.kubernetes.io/component": "performer", label: value} for value in values)
    thinker = {**base, "app.kubernetes.io/component": "thinker"}
    for port in (29500, 41234):
        for direction in ("Ingress", "Egress"):
            assert allowed(policies, direction, one, one, port)
            assert not allowed(policies, direction, one, other, port)
        assert not allowed(policies, "Ingress", one, thinker, port)
    assert allowed(policies, "Ingress", one, thinker, 7302)


@pytest.mark.parametrize("layout", ["podPerRank", "leaderWorkerSet"])
def test_ranks_of_several_pods_have_a_key(helm: Helm, layout: str) -> None:
    """The secret that a performer mounts is made, with 32 bytes or more, or the given one is used and none is made."""
    performer = {"layout": layout, "ranks": 2}
    [secret] = [each for each in of_kind(helm.manifests({"performer": performer}), "Secret") if "rendez" in str(each)]
    assert len(secret["data"]["rendezvous-key"]) * 3 // 4 >= 32
    given = helm.manifests({"performer": {**performer, "rendezvousKey": {"existingSecret": "mine", "key": "k"}}})
    assert not [each for each in of_kind(given, "Secret") if "rendez" in str(each)]
    assert "'secretName': 'mine'" in str(given)
    assert not [each for each in of_kind(helm.manifests(), "Secret") if "rendez" in str(each)]


def test_one_budget_a_component(helm: Helm) -> None:
    """No pod is selected by two budgets, in any layout: an eviction would be refused."""
    for name in CI_VALUES:
        manifests = helm.manifests(ci_values(name))
        budgets = [each["spec"]["selector"]["matchLabels"] for each in of_kind(manifests, "PodDisruptionBudget")]
        for each in manifests:
            if each["kind"] in ("Deployment", "StatefulSet"):
                labels = each["spec"]["template"]["metadata"]["labels"]
                assert sum(selects(budget, labels) for budget in budgets) <= 1


def test_only_a_gateway_that_watches_has_an_account_with_rights(helm: Helm) -> None:
    """No token is mounted and no role exists unless the gateways watch; then it can read two kinds of objects."""
    manifests = helm.manifests()
    assert not of_kind(manifests, "Role")
    assert all(pod["automountServiceAccountToken"] is False for _, pod in pods(manifests))
    manifests = helm.manifests({"gateway": {"discovery": "kubernetes"}})
    [role] = of_kind(manifests, "Role")
    assert [(rule["resources"], rule["verbs"]) for rule in role["rules"]] == [
        (["endpointslices"], ["get", "list", "watch"]),
        (["pods"], ["get", "list", "watch"]),
    ]
    mounted = {name for name, pod in pods(manifests) if pod["automountServiceAccountToken"]}
    assert mounted == {"Deployment/avatar-wan-streamer-gateway"}


def test_a_given_key_is_used_and_none_is_made(helm: Helm) -> None:
    """With an existing secret the chart draws no key, without one it makes one of 32 bytes or more."""
    assert not of_kind(helm.manifests({"gateway": {"tokenKey": {"existingSecret": "mine"}}}), "Secret")
    [secret] = of_kind(helm.manifests(), "Secret")
    assert len(secret["data"]["token-key"]) * 3 // 4 >= 32
