"""These tests need a cluster: `make test-cluster` makes one on this host, or takes the one that KUBECONFIG names.

Elsewhere they are skipped, and say so. On a cluster of yours: images by REGISTRY and TAG (as `make images` names them)
that it can pull, and two nodes' worth of nothing: all pods fit where 2 cores and 8 GB are free.
"""

import dataclasses
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import torch

from scripts.cluster.images import NAMES, REGISTRY, SERVICES, TAG, build_images
from scripts.cluster.node import FOLDER, PROGRAMS, Node, what_is_lacking
from tests.chart.conftest import find_tool
from tests.chart.helm import Helm, container, workload
from tests.cluster.cluster import Cluster
from tests.cluster.collector import Collector
from tests.cluster.release import Release, with_changes
from tests.cluster.report import Report
from tests.cluster.values import BASE, RANKS_APART, TINY, TINY_CONFIG_MAP, TINY_FILE
from tests.support.tiny import tiny_config
from wan_streamer.model.model_weights import pack_model
from wan_streamer.model.presets import untrained


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No test here runs by chance: installing into a cluster must be asked for."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            # The first one waits for node and images.
            item.add_marker(pytest.mark.timeout(1500))
            if os.environ.get("WAN_STREAMER_CLUSTER") != "required":
                item.add_marker(pytest.mark.skip(reason="needs a Kubernetes cluster: `make test-cluster` runs it"))


REPORT: Final = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    """Makes the report."""
    config.stash[REPORT] = Report()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints it."""
    for line in config.stash[REPORT].text(os.cpu_count()):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """What the tests measured."""
    return pytestconfig.stash[REPORT]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster that KUBECONFIG names, or a node that is made here and taken down in the end."""
    make = functools.partial(Cluster, helm_program=find_tool("helm"))
    if given := os.environ.get("KUBECONFIG"):
        yield make(kubeconfig=Path(given), kubectl_program=find_tool("kubectl"), node=None)
        return
    lacking = what_is_lacking(FOLDER)
    assert not lacking, lacking
    build_images()
    node = Node(FOLDER)
    node.up()
    try:
        node.take_images(NAMES)
        yield make(kubeconfig=node.kubeconfig, kubectl_program=PROGRAMS / "kubectl", node=node)
    finally:
        if os.environ.get("KEEP_NODE") != "1":
            node.down()


@pytest.fixture(scope="session")
def images() -> dict[str, Any]:
    """Values of the chart that name the images."""
    if "KUBECONFIG" in os.environ:
        return {"image": {"registry": os.environ.get("REGISTRY", ""), "tag": os.environ.get("TAG", "")}}
    return {"image": {"registry": REGISTRY, "tag": TAG}}


@pytest.fixture(scope="module")
def collector(cluster: Cluster, images: dict[str, Any]) -> Iterator[Collector]:
    """A collector of traces."""
    cluster.make_namespace("collector")
    collector = Collector(cluster=cluster, namespace="collector")
    gateway = workload(Helm(cluster.helm_program).manifests(images), "gateway")["spec"]["template"]["spec"]
    collector.start(container(gateway, "gateway")["image"])
    yield collector
    cluster.remove_namespace("collector")


@pytest.fixture(scope="module")
def nano(cluster: Cluster, images: dict[str, Any], collector: Collector) -> Iterator[Release]:
    """What ships, not yet installed; its traces go to the collector."""
    cluster.make_namespace("nano")
    values = with_changes(with_changes(BASE, images), {"tracing": {"otlpEndpoint": collector.endpoint}})
    yield Release(cluster=cluster, namespace="nano", values=values)
    cluster.remove_namespace("nano")


@pytest.fixture(scope="session")
def installed(cluster: Cluster, images: dict[str, Any]) -> Iterator[Release]:
    """The suite with the tests' small model, running."""
    release = prepare_tiny(cluster, "tiny", with_changes(TINY, images))
    release.install()
    yield release
    if os.environ.get("KEEP_NODE") != "1":
        cluster.remove_namespace("tiny")


@pytest.fixture
def apart(cluster: Cluster, images: dict[str, Any]) -> Iterator[Release]:
    """The same with one thinker and one group whose ranks have a pod each, running."""
    release = prepare_tiny(cluster, "apart", with_changes(with_changes(TINY, images), RANKS_APART))
    release.install()
    yield release
    cluster.remove_namespace("apart")


def prepare_tiny(cluster: Cluster, namespace: str, values: dict[str, Any]) -> Release:
    """A namespace with the small model's weights, and what is to be installed there."""
    cluster.make_namespace(namespace)
    config = tiny_config(solver_steps=1)
    # Six live conversations must find room on two cores, where every layer and step are exchanges between ranks.
    config = dataclasses.replace(config, backbone=dataclasses.replace(config.backbone, layer_count=1))
    weights = pack_model(untrained(config, 0), {}, torch.float32)
    file = FOLDER.parent / TINY_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(weights)
    cluster.kubectl(
        "create", "configmap", TINY_CONFIG_MAP, f"--namespace={namespace}", f"--from-file={TINY_FILE}={file}"
    )
    return Release(cluster=cluster, namespace=namespace, values=values)


@pytest.fixture
def tiny(installed: Release) -> Release:
    """The same, whole again after whatever the test before did."""
    for component in SERVICES:
        installed.cluster.wait(functools.partial(installed.are_ready, component, 2), limit_s=120)
    return installed
