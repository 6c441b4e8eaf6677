"""A gateway's discovery with the real Kubernetes client, against a small API server over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from services.gateway.discovery.config import DiscoveryConfig
from services.gateway.discovery.discovering import discovering
from services.gateway.discovery.place import Place, Places
from tests.support.kubernetes_api import ApiServer, api_server, endpoint_slice, pod
from wan_streamer.errors import InvalidInput

pytest.importorskip("kubernetes.aio", reason="the kubernetes client (extra gateway) is missing")

NAME = "thinker-{}.thinker.talk.svc.cluster.local"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts in a tenth of the time."""
    monkeypatch.setattr("services.gateway.discovery.backoff.FIRST_S", 0.02)
    monkeypatch.setattr("services.gateway.discovery.backoff.MOST_S", 0.1)


class Seen:
    """What was published, and waiting for it."""

    def __init__(self) -> None:
        self.all: list[Places] = []
        self._changed = asyncio.Event()

    def publish(self, places: Places) -> None:
        self.all.append(places)
        self._changed.set()

    @property
    def last(self) -> Places:
        return self.all[-1]

    def uids(self) -> list[str]:
        return [place.pod_uid for place in self.last.thinkers]

    async def until(self, is_so: Callable[[Places], bool]) -> None:
        async with asyncio.timeout(10):
            while not self.all or not is_so(self.last):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def watched(server: ApiServer, folder: Path) -> AsyncIterator[Seen]:
    config = DiscoveryConfig(
        discovery="kubernetes",
        discovery_service="thinker",
        discovery_selector="app=avatar",
        discovery_namespace="talk",
        discovery_kubeconfig=server.write_kubeconfig(folder / "kubeconfig"),
    )
    seen = Seen()
    async with discovering(config, seen.publish, structlog.get_logger()):
        yield seen


@asynccontextmanager
async def one_thinker(folder: Path) -> AsyncIterator[tuple[ApiServer, Seen]]:
    """A cluster with thinker-0 of uid a, known."""
    async with api_server() as server:
        first = pod("thinker-0", "a", "10.0.0.1")
        await server.put("pods", first)
        await server.put("slices", endpoint_slice(first))
        async with watched(server, folder) as seen:
            await seen.until(lambda places: places.is_current and len(places.thinkers) == 1)
            yield server, seen


async def test_what_is_there_is_listed(tmp_path: Path) -> None:
    """The first list gives place, uid and name in the certificate, asked with token, namespace and labels."""
    async with one_thinker(tmp_path) as (server, seen):
        assert seen.last.thinkers == [Place(address="10.0.0.1:7301", pod_uid="a", server_name=NAME.format(0))]
        assert not seen.all[0].is_current
        assert {token.lower() for token in server.tokens} == {"bearer secret"}
        selectors = {query["labelSelector"] for _, query in server.requests}
        assert selectors == {"app=avatar", "kubernetes.io/service-name=thinker"}


async def test_thinkers_come_and_go_and_are_seen_leaving(tmp_path: Path) -> None:
    """Added, marked for deletion, deleted: each is seen without another list."""
    async with one_thinker(tmp_path) as (server, seen):
        pods = pod("thinker-0", "a", "10.0.0.1"), pod("thinker-1", "b", "10.0.0.2", index=1)
        await server.put("pods", pods[1])
        await server.put("slices", endpoint_slice(*pods))
        await seen.until(lambda places: len(places.thinkers) == 2)
        await server.put("pods", pod("thinker-1", "b", "10.0.0.2", index=1, is_leaving=True))
        await server.put("pods", pod("performer-1", "p", "10.0.0.3", component="performer", index=1, is_leaving=True))
        await seen.until(lambda places: places.leaving_pod_uids == {"b", "p"})
        assert seen.uids() == ["a", "b"]
        assert seen.last.leaving_groups == {"performer-1"}
        await server.delete("pods", "thinker-1")
        await seen.until(lambda places: len(places.thinkers) == 1)
        assert server.listings("pods") == server.listings("slices") == 1


async def test_a_replaced_pod_of_the_same_name_and_address_is_another_place(tmp_path: Path) -> None:
    """Its uid says so; and a slice that still names the old uid gives no place at all."""
    async with one_thinker(tmp_path) as (server, seen):
        await server.delete("pods", "thinker-0")
        await server.put("pods", pod("thinker-0", "b", "10.0.0.1"))
        await seen.until(lambda places: not places.thinkers)
        await asyncio.sleep(0.1)
        assert seen.uids() == []
        await server.put("slices", endpoint_slice(server.objects["pods"]["thinker-0"]))
        await seen.until(lambda places: bool(places.thinkers))
        assert seen.uids() == ["b"]
        assert {place.pod_uid for places in seen.all for place in places.thinkers} == {"a", "b"}


async def test_after_410_gone_everything_is_listed_again(tmp_path: Path) -> None:
    """What changed while the watch could not say so is there after it, and what went is gone."""
    async with one_thinker(tmp_path) as (server, seen):
        # Not through the watch: as if the changes had been compacted away before they were sent.
        server.objects["pods"] = {"thinker-0": pod("thinker-0", "c", "10.0.0.9")}
        server.objects["slices"] = {"thinker-x": endpoint_slice(server.objects["pods"]["thinker-0"])}
        published = len(seen.all)
        await server.forget()
        await seen.until(lambda places: [place.pod_uid for place in places.thinkers] == ["c"])
        assert seen.last.thinkers[0].address == "10.0.0.9:7301"
        assert server.listings("pods") == 2
        assert all(places.is_current for places in seen.all[published:]), "410 is no outage"


async def test_an_api_server_that_is_away_takes_no_thinker_along(tmp_path: Path) -> None:
    """What is known stays and says that it is old; what changed meanwhile is known soon after it is back."""
    async with one_thinker(tmp_path) as (server, seen):
        await server.stop()
        await seen.until(lambda places: not places.is_current)
        await asyncio.sleep(0.3)
        assert seen.uids() == ["a"]
        await server.delete("pods", "thinker-0")
        await server.put("pods", pod("thinker-0", "b", "10.0.0.4"))
        await server.put("slices", endpoint_slice(server.objects["pods"]["thinker-0"]))
        await server.start()
        await seen.until(lambda places: places.is_current and [place.pod_uid for place in places.thinkers] == ["b"])
        # Exponential: about 1/0.02 + ... would be dozens without it.
        assert server.listings("pods") <= 3


async def test_a_slow_api_server_is_waited_for(tmp_path: Path) -> None:
    """Answers and lines that take their time arrive all the same, in order."""
    async with one_thinker(tmp_path) as (server, seen):
        server.delay_s = 0.2
        pods = pod("thinker-0", "a", "10.0.0.1"), pod("thinker-1", "b", "10.0.0.2", index=1)
        await server.put("pods", pods[1])
        await server.put("slices", endpoint_slice(*pods))
        await server.delete("pods", "thinker-1")
        await seen.until(lambda places: len(places.thinkers) == 2)
        await seen.until(lambda places: len(places.thinkers) == 1)
        assert seen.last.is_current


async def test_one_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list and a watch that hang are asked again after their limit."""
    monkeypatch.setattr("services.gateway.discovery.kubernetes_api.LIST_LIMIT_S", 0.2)
    monkeypatch.setattr("services.gateway.discovery.kubernetes_api.WATCH_LIMIT_S", 0.2)
    async with one_thinker(tmp_path) as (server, seen):
        server.delay_s = 60
        await seen.until(lambda places: not places.is_current)
        asked = len(server.requests)
        server.delay_s = 0
        await seen.until(lambda places: places.is_current)
        assert len(server.requests) > asked
        assert seen.uids() == ["a"]


async def test_without_the_right_to_watch_the_log_says_what_is_missing(tmp_path: Path) -> None:
    """403: nothing is known, the gateway keeps asking, and the log names the verbs."""
    async with api_server() as server:
        server.status = 403
        with structlog.testing.capture_logs() as logs:
            async with watched(server, tmp_path) as seen:
                async with asyncio.timeout(10):
                    while server.listings("pods") < 2:
                        await asyncio.sleep(0.02)
                assert not seen.last.is_current
        assert any("get, list and watch" in line["cause"] for line in logs if line["log_level"] == "warning")


async def test_outside_of_a_cluster_the_way_in_must_be_named() -> None:
    """No pod and no kubeconfig is an error that says what to give."""
    config = DiscoveryConfig(discovery="kubernetes", discovery_service="t", discovery_selector="a=b")
    with pytest.raises(InvalidInput, match="--discovery-kubeconfig"):
        async with discovering(config, lambda places: None, structlog.get_logger()):
            pass
