"""What breaks in mid-conversation: each conversation ends in the outcome that the protocol declares, in the time that
the values promise; nothing comes twice or half; conversations elsewhere lose nothing."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from tests.cluster.release import Release
from tests.cluster.report import Report
from tests.cluster.talks import Talk, short_talk, talks, until_all
from tests.cluster.values import DRAIN_S, GATEWAY_DRAIN_S, MARGIN_S
from wan_streamer.errors import PlacementLost

# Ranks are the children of the fork server, which is a child of the service; prints which one it has killed.
KILL_RANK: Final = """
import os, pathlib, signal
parents = {}
for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
    parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
rank = max(pid for pid, parent in parents.items() if parents.get(parent) == 1)
os.kill(rank, signal.SIGKILL)
print(rank)
"""
# An end that is noticed at once: the answer's way, and a machine that has other work.
AT_ONCE_S: Final = 3
# Probes see a pod that has come back, and the Service and the gateways hear of it.
BACK_S: Final = 60
# A thinker finds its group again at the new pod's address.
NOTICED_S: Final = 12


@asynccontextmanager
async def apart(tiny: Release) -> AsyncIterator[tuple[list[Talk], list[Talk], int]]:
    """Conversations at one place, others at the other one, and the first one's number."""
    async with talks(tiny.address(), 3) as held:
        places = {talk.session_id: await asyncio.to_thread(tiny.thinker_of, talk.session_id) for talk in held}
        struck = places[held[0].session_id]
        here = [talk for talk in held if places[talk.session_id] == struck]
        there = [talk for talk in held if places[talk.session_id] != struck]
        assert there, "the gateways put all sessions at one place"
        yield here, there, struck


async def test_a_killed_rank_ends_the_sessions_of_its_group_alone(tiny: Release, report: Report) -> None:
    """They get PlacementLost (EPOCH) at once; the group forms again by itself in its pod and takes new sessions."""
    restarts = tiny.restarts()
    async with apart(tiny) as (here, there, struck):
        pod = tiny.object_name(f"performer-{struck}")
        struck_s = time.monotonic()
        await asyncio.to_thread(tiny.python, pod, KILL_RANK)
        await until_all(here, lambda talk: talk.ended_s, AT_ONCE_S)
        for talk in here:
            assert isinstance(talk.error, PlacementLost)
            assert talk.error.reason == "EPOCH"
            assert talk.ended_s - struck_s < AT_ONCE_S
        report.add(
            "killed rank: its group's sessions hear of it after, at most", max(talk.ended_s for talk in here) - struck_s
        )
        for talk in there:
            await talk.until_unit(5)
    for talk in here:
        talk.check_units()
    for talk in there:
        talk.check_nothing_lost()
    await asyncio.to_thread(tiny.cluster.wait, functools.partial(tiny.are_ready, "performer", 2), limit_s=BACK_S)
    assert tiny.restarts() == restarts
    await until_both_places_take_sessions(tiny)
    report.add("killed rank: both groups take sessions again, at most", time.monotonic() - struck_s)


@pytest.mark.parametrize("component", ["performer", "thinker"])
async def test_a_deleted_place_lets_its_sessions_end(tiny: Release, report: Report, component: str) -> None:
    """GoAway at once, with the time that is left; who ends in it loses nothing, who does not ends with its state's loss
    when the drain is over; new sessions go to the other place meanwhile, and to both when the pod is back."""
    async with apart(tiny) as (here, there, struck), talks(tiny.address(), 1) as [more]:
        place = await asyncio.to_thread(tiny.thinker_of, more.session_id)
        (here if place == struck else there).append(more)
        polite, stubborn = here[0], here[1:]
        assert stubborn
        uid = tiny.pod(f"{component}-{struck}")["metadata"]["uid"]
        await asyncio.to_thread(tiny.delete_pod, tiny.object_name(f"{component}-{struck}"))
        deleted_s = time.monotonic()
        await until_all(here, lambda talk: talk.away, AT_ONCE_S)
        for talk in here:
            assert (talk.away[0].reason, talk.away[0].resumable) == ("DRAINING", False)
            assert DRAIN_S - AT_ONCE_S < talk.away[0].time_left_s <= DRAIN_S
        new = await short_talk(tiny.address())
        new.check_nothing_lost()
        assert await asyncio.to_thread(tiny.thinker_of, new.session_id) != struck
        polite.is_enough.set()
        await until_all([polite], lambda talk: talk.ended_s, DRAIN_S)
        polite.check_nothing_lost()
        await until_all(stubborn, lambda talk: talk.ended_s, DRAIN_S + MARGIN_S + AT_ONCE_S)
        for talk in stubborn:
            # The client has tried to come back, and was told that there is nothing to come back to.
            assert isinstance(talk.error, PlacementLost), talk.error
            assert talk.ended_s - deleted_s > DRAIN_S - 1
            talk.check_units()
        ended_s = max(talk.ended_s for talk in stubborn) - deleted_s
        report.add(f"deleted {component}, drain {DRAIN_S} s: who does not end is ended after", ended_s)

        def is_gone() -> bool:
            return uid not in {pod["metadata"]["uid"] for pod in tiny.all_pods(component)}

        await asyncio.to_thread(tiny.cluster.wait, is_gone, limit_s=BACK_S)
        assert time.monotonic() - deleted_s < DRAIN_S + MARGIN_S + AT_ONCE_S
        for each, limit_s in (("performer", BACK_S), ("thinker", BACK_S if component == "thinker" else NOTICED_S)):
            await asyncio.to_thread(tiny.cluster.wait, functools.partial(tiny.are_ready, each, 2), limit_s=limit_s)
        for talk in there:
            await talk.until_unit(5)
    for talk in there:
        talk.check_nothing_lost()
    await until_both_places_take_sessions(tiny)
    report.add(f"deleted {component}: both places take sessions again, at most", time.monotonic() - deleted_s)


async def test_a_deleted_gateway_loses_nothing(tiny: Release) -> None:
    """Its clients hear GoAway, go on at the other replica and miss no unit; the others notice nothing."""
    async with talks(tiny.address(), 3) as held:
        left = await asyncio.to_thread(tiny.gateway_of, held[0].session_id)
        here = [talk for talk in held if await asyncio.to_thread(tiny.gateway_of, talk.session_id) == left]
        await asyncio.to_thread(tiny.delete_pod, left)
        deleted_s = time.monotonic()
        await until_all(here, lambda talk: talk.resumed, GATEWAY_DRAIN_S)

        def is_gone() -> bool:
            return left not in {pod["metadata"]["name"] for pod in tiny.all_pods("gateway")}

        # Nobody has to wait for the end of a drain that nobody needs.
        await asyncio.to_thread(tiny.cluster.wait, is_gone, limit_s=GATEWAY_DRAIN_S)
        assert time.monotonic() - deleted_s < GATEWAY_DRAIN_S
        for talk in held:
            await talk.until_unit(5)
    for talk in held:
        talk.check_nothing_lost()
        assert talk.missed_unit_count == 0
        assert bool(talk.resumed) == (talk in here)
    for talk in here:
        assert [(away.reason, away.resumable) for away in talk.away] == [("DRAINING", True)]


async def until_both_places_take_sessions(tiny: Release) -> None:
    """Two conversations at once are at two places, in a while."""
    async with asyncio.timeout(BACK_S):
        while True:
            async with talks(tiny.address(), 2) as held:
                places = {await asyncio.to_thread(tiny.thinker_of, talk.session_id) for talk in held}
            for talk in held:
                talk.check_nothing_lost()
            if len(places) == 2:
                return
