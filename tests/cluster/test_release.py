"""A release from its installation to its end, with the model that ships, two ranks a group; in this order."""

import asyncio

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.collector import Collector
from tests.cluster.release import Release
from tests.cluster.report import Report
from tests.cluster.talks import Talk, hold

UNITS = 10
# Of all processes in the pod; what they share counts once.
MEMORY = """
import pathlib
def size(rollup):
    return next(int(line.split()[1]) for line in rollup.read_text().splitlines() if line.startswith("Pss:"))
print(1024 * sum(map(size, pathlib.Path("/proc").glob("[0-9]*/smaps_rollup"))))
"""
SERVICES = {"gateway", "thinker", "performer"}


def test_it_installs_where_pods_may_do_the_least(nano: Release) -> None:
    """All pods are admitted by Pod Security "restricted" and get ready."""
    nano.install()
    assert {component: len(nano.pods(component)) for component in SERVICES} == dict.fromkeys(SERVICES, 2)
    assert set(nano.restarts().values()) == {0}


@pytest.mark.parametrize("component", ["thinker", "performer"])
def test_a_pod_says_what_it_admits_and_fits_into_its_memory(nano: Release, report: Report, component: str) -> None:
    """What it measured at its start, one session at least; it takes less than half of its memory limit."""
    [pod, _] = nano.pods(component)
    name = pod["metadata"]["name"]
    [ready] = [line for line in nano.logs(name) if line["event"] == "model ready"]
    assert ready["capacity"] >= 1
    used_mib = int(nano.python(name, MEMORY)) / 2**20
    limit = pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
    assert used_mib < int(limit.removesuffix("Gi")) * 1024 / 2
    unit = f"{ready['unit_cost_ms']} ms a unit alone, {ready['capacity']} sessions admitted, {used_mib:.0f} MiB"
    report.add(f"nano, {component} ({ready.get('ranks', 1)} processes)", unit)


def test_helm_test_holds_a_conversation(nano: Release) -> None:
    """In the cluster, through the Service, as the policies allow."""
    assert "25 units, 25 answered" in nano.helm_test()


async def test_every_unit_of_a_conversation_is_one_trace_of_all_processes(nano: Release, collector: Collector) -> None:
    """A client outside of the cluster talks through the Service; the collector gets one trace a unit, with spans of
    gateway, thinker and both ranks under one root, and none besides."""
    before = {span["trace"] for span in collector.spans()}
    talk = Talk()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hold(nano.address(), talk))
        await talk.until_unit(UNITS)
        talk.is_enough.set()
    talk.check_nothing_lost()
    # Services send their spans in batches.
    of_unit = {unit.trace_id: list[dict[str, object]]() for unit in talk.units}
    assert len(of_unit) == len(talk.units)

    def have_all_arrived() -> bool:
        for spans in of_unit.values():
            spans.clear()
        for span in collector.spans():
            of_unit.get(span["trace"], []).append(span)
        return all(
            {span["service"] for span in spans} == SERVICES
            and {span["rank"] for span in spans if span["name"] == "performer.rank.clean"} == {0, 1}
            and any(span["name"] == "unit" for span in spans)
            for spans in of_unit.values()
        )

    await asyncio.to_thread(nano.cluster.wait, have_all_arrived, limit_s=30)
    roots = [span for span in collector.spans() if span["name"] == "unit" and span["trace"] not in before]
    assert sorted(span["trace"] for span in roots) == sorted(of_unit)
    for spans in of_unit.values():
        ids = {span["id"] for span in spans}
        assert [span["name"] for span in spans if span["parent"] not in ids] == ["unit"]
        assert {span["rank"] for span in spans if span["name"] == "performer.rank.solve"} == {0, 1}


def test_an_upgrade_replaces_what_has_changed_and_no_more(nano: Release) -> None:
    """A setting of the gateways: both are new and have it, thinkers and performers are the same pods."""
    gateways, others = nano.uids("gateway"), nano.uids("thinker") | nano.uids("performer")
    nano.upgrade("gateway.settings.jpegQuality=70")
    assert not gateways & nano.uids("gateway")
    assert nano.uids("thinker") | nano.uids("performer") == others
    assert qualities(nano) == {"--jpeg-quality=70"}


def test_a_rollback_brings_the_setting_of_before(nano: Release) -> None:
    """And again nothing but the gateways is new."""
    others = nano.uids("thinker") | nano.uids("performer")
    nano.rollback()
    assert qualities(nano) == {"--jpeg-quality=85"}
    assert nano.uids("thinker") | nano.uids("performer") == others


def test_uninstalling_leaves_nothing(nano: Release, cluster: Cluster) -> None:
    """Not one object in the namespace beside those that every namespace has; pods end within their grace."""
    nano.uninstall()
    cluster.wait(lambda: not cluster.left_in(nano.namespace), limit_s=40)


def qualities(release: Release) -> set[str]:
    """What the gateways' pods are told of pictures."""
    pods = release.pods("gateway")
    arguments = [argument for pod in pods for argument in pod["spec"]["containers"][0]["args"]]
    return {argument for argument in arguments if argument.startswith("--jpeg-quality")}
