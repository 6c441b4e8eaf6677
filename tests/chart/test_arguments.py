"""The chart passes only options that the services have."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import tyro

from services.gateway.config import GatewayConfig
from tests.chart.helm import Helm, Manifest, ci_values, container, named, workload
from wan_streamer.errors import InvalidInput
from wan_streamer.rpc.config import ServerConfig


def config_classes() -> dict[str, Callable[[], type[ServerConfig]]]:
    """The configuration class of each service; those of the engine need torch."""

    def thinker() -> type[ServerConfig]:
        pytest.importorskip("torch", reason="the thinker's configuration needs torch")
        from services.thinker.config import ThinkerConfig

        return ThinkerConfig

    def performer() -> type[ServerConfig]:
        pytest.importorskip("torch", reason="the performer's configuration needs torch")
        from services.performer.config import PerformerConfig

        return PerformerConfig

    return {"gateway": lambda: GatewayConfig, "thinker": thinker, "performer": performer}


def parsed(manifests: list[Manifest], component: str) -> Any:
    """The configuration that a component's container starts with."""
    arguments = container(workload(manifests, component)["spec"]["template"]["spec"], component)["args"]
    return tyro.cli(config_classes()[component](), args=arguments)


@pytest.mark.parametrize("component", ["gateway", "thinker", "performer"])
@pytest.mark.parametrize("values", ["default", "cpu", "full", "weights-init"])
def test_the_service_takes_its_arguments(helm: Helm, component: str, values: str) -> None:
    """The real configuration classes parse what the chart passes where nothing of a later version is switched on."""
    manifests = helm.manifests({} if values == "default" else ci_values(values))
    config = parsed(manifests, component)
    assert config.host == "0.0.0.0"
    assert config.port == {"gateway": 7300, "thinker": 7301, "performer": 7302}[component]
    assert config.metrics_port == (0 if values == "weights-init" else 9464)


def test_each_thinker_is_named_to_the_gateways_and_calls_its_own_group(helm: Helm) -> None:
    """Names of pods that the StatefulSets make, in the namespace, at the services' ports."""
    manifests = helm.manifests(ci_values("cpu"))
    thinker = "avatar-wan-streamer-thinker"
    assert parsed(manifests, "gateway").thinker == tuple(
        f"{thinker}-{index}.{thinker}.talk.svc.cluster.local:7301" for index in (0, 1)
    )
    performer = "avatar-wan-streamer-performer"
    assert parsed(manifests, "thinker").performer == f"{performer}-$(POD_INDEX).{performer}.talk.svc.cluster.local:7302"
    assert parsed(manifests, "performer").group == "performer-$(POD_INDEX)"


def test_gateways_that_watch_are_told_what(helm: Helm) -> None:
    """The thinkers' Service and labels that select exactly the thinkers' and performers' pods of this release."""
    manifests = helm.manifests({"gateway": {"discovery": "kubernetes"}, "clusterDomain": "example"})
    config = parsed(manifests, "gateway")
    service = named(manifests, "Service", "thinker")["metadata"]["name"]
    assert (config.discovery, config.discovery_service, config.thinker) == ("kubernetes", service, ())
    assert config.discovery_cluster_domain == "example"
    *equal, component = re.split(",(?![^(]*[)])", config.discovery_selector)
    labels = workload(manifests, "thinker")["spec"]["template"]["metadata"]["labels"]
    assert {tuple(each.split("=")) for each in equal} < set(labels.items())
    assert component == "app.kubernetes.io/component in (thinker,performer)"
    assert parsed(manifests, "thinker").pod_uid == "$(POD_UID)"


@pytest.mark.parametrize("mutual", [True, False])
def test_tls_is_told_to_both_sides(helm: Helm, mutual: bool) -> None:
    """Every server has its files and a port for kubelets, every caller its CA; certificates of callers when mutual."""
    on = {"enabled": True, "existingSecret": "mine"}
    manifests = helm.manifests({"tls": {"internal": {**on, "mutual": mutual}, "client": on}})
    for component in ("gateway", "thinker", "performer"):
        config = parsed(manifests, component)
        tls = config.server_tls()
        assert tls is not None
        assert (tls.client_ca_file is not None) == (mutual and component != "gateway")
        pod = workload(manifests, component)["spec"]["template"]["spec"]
        probes = [container(pod, component)[f"{name}Probe"]["grpc"]["port"] for name in ("startup", "readiness")]
        assert {config.health_port} == set(probes)
        if component != "performer":
            channel = config.channel_tls()
            assert channel is not None
            assert (channel.identity is not None) == mutual
        files = [value for name, value in vars(config).items() if name.startswith("tls_") and value is not None]
        mounts = {mount["mountPath"] for mount in container(pod, component)["volumeMounts"]}
        assert {str(file.parent) for file in files} <= mounts


def test_a_rank_is_told_where_its_group_meets(helm: Helm) -> None:
    """Rank 0's pod by name, which rank the pod is, and a key file that is mounted."""
    manifests = helm.manifests(ci_values("pod-per-rank"))
    pod = named(manifests, "StatefulSet", "performer-1")["spec"]["template"]["spec"]
    own = container(pod, "performer")
    arguments = [argument.replace("$(POD_INDEX)", "1") for argument in own["args"]]
    config = tyro.cli(config_classes()["performer"](), args=arguments)
    assert (config.rank, config.ranks, config.group) == (1, 2, "performer-1")  # type: ignore[attr-defined]
    name = "avatar-wan-streamer-performer-1"
    assert config.rendezvous == f"{name}-0.{name}.talk.svc.cluster.local:29500"  # type: ignore[attr-defined]
    key_file = config.rendezvous_key_file  # type: ignore[attr-defined]
    [volume] = [mount["name"] for mount in own["volumeMounts"] if mount["mountPath"] == str(key_file.parent)]
    assert {"name": volume, "secret": {"secretName": "rendezvous"}} in pod["volumes"]
    assert key_file.name == "rendezvous-key"


def test_numbers_arrive_as_they_were_written(helm: Helm) -> None:
    """Large and fractional numbers survive Helm's own number type."""
    manifests = helm.manifests(
        {
            "model": {"weightsSeed": 4_294_967_295},
            "gateway": {"settings": {"tokenSeconds": 86_400_000, "deadlineMs": 187.5}},
        }
    )
    assert parsed(manifests, "gateway").token_seconds == 86_400_000
    assert parsed(manifests, "gateway").deadline_ms == 187.5
    assert parsed(manifests, "thinker").weights_seed == 4_294_967_295


def test_the_chart_knows_the_heads_of_every_preset(helm: Helm) -> None:
    """The rule about ranks goes by the same numbers as the model."""
    pytest.importorskip("torch", reason="the presets need torch")
    from wan_streamer.engine.ulysses.heads import HeadSplit
    from wan_streamer.model.presets import PRESETS

    for name, make in PRESETS.items():
        for ranks in (2, 3, 4, 8, 16, 32):
            values = {"model": {"preset": name}, "performer": {"ranks": ranks}}
            try:
                HeadSplit.of(make().backbone, ranks)
            except InvalidInput:
                assert "[HEADS]" in helm.refusal(values)
            else:
                assert helm.manifests(values)


@pytest.mark.parametrize("component", ["thinker", "performer"])
def test_an_avatar_is_served_from_its_volume(helm: Helm, component: str) -> None:
    """Both that run the model take the file, out of the volume that is mounted where the file is looked for."""
    claim = {"persistentVolumeClaim": {"claimName": "avatar", "readOnly": True}}
    manifests = helm.manifests({"model": {"avatar": {"file": "library.safetensors", "volume": claim}}})
    assert parsed(manifests, component).preset == "/avatar/library.safetensors"
    pod = workload(manifests, component)["spec"]["template"]["spec"]
    assert {"name": "avatar", **claim} in pod["volumes"]
    mounts = container(pod, component)["volumeMounts"]
    assert {"name": "avatar", "mountPath": "/avatar", "readOnly": True} in mounts
