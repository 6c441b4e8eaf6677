"""A gateway with several thinkers: who gets a new session, and that a placed one never moves."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from gateway_client import END, audio_of_unit, running_gateway
from thinker_peer import ThinkerPeer, serving

from services.gateway.discovery.place import Place, Places
from services.gateway.link_pool import LinkPool
from services.gateway.thinker_link import ThinkerLink, ThinkerLinks
from tests.support.kubernetes_api import api_server, endpoint_slice, pod
from wan_streamer.errors import CapacityExhausted, PeerUnavailable, PlacementLost
from wan_streamer.rpc.channel import open_channel
from wan_streamer.v1 import thinker_pb2


def peer(name: str, *, capacity: int = 8, pod_uid: str = "") -> ThinkerPeer:
    made = ThinkerPeer()
    made.incarnation, made.capacity, made.pod_uid = name, capacity, pod_uid
    return made


@dataclass
class Neighbourhood:
    """Links to peers, told where they are by hand."""

    pool: LinkPool[ThinkerLink]
    links: ThinkerLinks
    places: list[Place]


@asynccontextmanager
async def linked(*peers: ThinkerPeer, probes: bool = True) -> AsyncIterator[Neighbourhood]:
    async with AsyncExitStack() as stack:
        log = structlog.get_logger()
        pool = LinkPool(lambda place: ThinkerLink(place, open_channel(place.address)), random.Random(0).random, log)
        stack.push_async_callback(pool.close)
        addresses = [await stack.enter_async_context(serving(each)) for each in peers]
        places = [Place(address=address, pod_uid=each.pod_uid) for address, each in zip(addresses, peers, strict=True)]
        pool.update(Places(thinkers=places))
        neighbourhood = Neighbourhood(pool=pool, links=ThinkerLinks(pool, log), places=places)
        if probes:
            await neighbourhood.links.probe()
        yield neighbourhood


async def test_sessions_spread_over_thinkers_by_their_size() -> None:
    """Between two probes the gateway counts what it reserved itself: 6 sessions on 4 and 8 places are 2 and 4."""
    small, large = peer("small", capacity=4), peer("large", capacity=8)
    async with linked(small, large) as there:
        for number in range(6):
            await there.links.reserve(f"s{number}")
    assert (len(small.reserved), len(large.reserved)) == (2, 4)


async def test_a_thinker_that_refuses_is_passed_over() -> None:
    """Full or gone, the next one is asked; when all are full the client is told how long to wait."""
    full, free = peer("full", capacity=1), peer("free", capacity=2)
    async with linked(full, free) as there:
        full.reserved.add("somebody else's, since the probe")
        assert {(await there.links.reserve(name)).incarnation for name in "ab"} == {"free"}
        with pytest.raises(CapacityExhausted) as refused:
            await there.links.reserve("c")
    assert refused.value.retry_after_s == 1.5


async def test_an_address_with_another_owner_gets_no_session() -> None:
    """The pod that was meant is gone and its address is another's: neither a reservation nor a token comes of it."""
    stranger = peer("stranger", pod_uid="new")
    async with linked(stranger, probes=False) as there:
        there.pool.update(Places(thinkers=[Place(address=there.places[0].address, pod_uid="old")]))
        with pytest.raises(PeerUnavailable) as refused:
            await there.links.reserve("s")
        assert refused.value.reason == "PLACE_CHANGED"
        with pytest.raises(PeerUnavailable, match="no thinker answers"):
            await there.links.probe()


async def test_a_restarted_thinker_is_asked_who_it_is() -> None:
    """A reservation counts only on the incarnation that was described; the new one is described first."""
    restarted = peer("before", pod_uid="a")
    async with linked(restarted) as there:
        restarted.incarnation = "after"
        assert (await there.links.reserve("s")).incarnation == "after"
        link, _ = await there.links.find("after")
        assert link.place == there.places[0]
        with pytest.raises(PlacementLost):
            await there.links.find("before")


async def test_without_the_cluster_an_unknown_thinker_is_no_lost_one() -> None:
    """While the API server is away a token of a thinker that came since gets UNAVAILABLE, known ones go on."""
    async with linked(peer("known")) as there:
        there.pool.update(Places(thinkers=there.places, is_current=False))
        await there.links.find("known")
        assert (await there.links.reserve("s")).incarnation == "known"
        with pytest.raises(PeerUnavailable) as refused:
            await there.links.find("came later")
        assert refused.value.reason == "DISCOVERY_BEHIND"


async def test_a_place_that_goes_does_not_end_its_conversations() -> None:
    """A pod's object may go before its process: what is open ends when its peer ends it."""
    talking = peer("a")
    async with linked(talking) as there:
        reserved = await there.links.reserve("s")
        link, _ = await there.links.find("a")
        start = thinker_pb2.ConverseStart(session_id="s", generation=1, incarnation="a", epoch=reserved.epoch)
        async with link.converse(start) as started:
            there.pool.update(Places())
            await asyncio.sleep(0.1)
            assert "s" in talking.live
            with pytest.raises(PlacementLost):
                await there.links.find("a")
            await started.stream.write(thinker_pb2.ConverseRequest(end=thinker_pb2.ConverseEnd()))
            await started.stream.end()
            async with asyncio.timeout(10):
                assert await started.stream.read() is None


async def test_a_gateway_in_a_cluster_follows_its_pods(tmp_path: Path) -> None:
    """From the API server to a conversation; after the pod was replaced its token is refused, new ones work."""
    pytest.importorskip("kubernetes.aio", reason="the kubernetes client (extra gateway) is missing")
    thinker = peer("one", pod_uid="uid-1")
    async with serving(thinker) as address, api_server() as server:
        port = int(address.rpartition(":")[2])

        async def run_pod(uid: str) -> None:
            found = pod("thinker-0", uid, "127.0.0.1")
            await server.put("pods", found)
            await server.put("slices", endpoint_slice(found, port=port))

        await run_pod("uid-1")
        options = {
            "thinker": (),
            "discovery": "kubernetes",
            "discovery_service": "thinker",
            "discovery_selector": "app=avatar",
            "discovery_namespace": "talk",
            "discovery_kubeconfig": server.write_kubeconfig(tmp_path / "kubeconfig"),
            "deadline_ms": 60_000,
        }
        async with running_gateway(**options) as gateway:
            await gateway.server.health.wait_serving()
            talk = await gateway.attach()
            await talk.send(audio_of_unit(0), END)
            units, _ = await talk.rest()
            assert len(units) == 1
            created = await gateway.create("second")
            await server.delete("pods", "thinker-0")
            thinker.incarnation, thinker.pod_uid = "two", "uid-2"
            await run_pod("uid-2")
            async with asyncio.timeout(10):
                while True:
                    try:
                        await gateway.create("third")
                        break
                    except PeerUnavailable:
                        await asyncio.sleep(0.05)
            with pytest.raises(PlacementLost):
                await gateway.attach_to(created.session_id, created.resume_token)
            await gateway.attach("fourth")
