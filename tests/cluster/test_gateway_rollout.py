"""Changing what runs while conversations go on: gateways roll, groups are taken away."""

import asyncio
import functools
from typing import Final

from tests.cluster.release import Release
from tests.cluster.report import Report
from tests.cluster.talks import talks, until_all
from tests.cluster.values import DRAIN_S
from wan_streamer.client import Ended, SkipReason

SESSIONS: Final = 6


async def test_a_rolling_upgrade_of_the_gateways_loses_no_session(tiny: Release, report: Report) -> None:
    """Six live conversations go on at other replicas; each unit that they miss on the way is said and counted.

    How many is reported, not asserted: new replicas that start beside six live sessions take all of a small machine.
    """
    before = tiny.uids("gateway")
    async with talks(tiny.address(), SESSIONS, pace="live") as held:
        await asyncio.to_thread(tiny.upgrade, "gateway.settings.jpegQuality=80")
        for talk in held:
            await talk.until_unit(5)
    assert not before & tiny.uids("gateway")
    for talk in held:
        assert talk.error is None
        assert talk.events[-1] == Ended(unit_count=len(talk.units))
        talk.check_units()
        assert talk.resumed
        missed_units = [unit.unit_index for unit in talk.units if unit.skip_reason is SkipReason.DETACHED]
        assert len(missed_units) == talk.missed_unit_count
    missed = [talk.missed_unit_count for talk in held]
    report.add(f"rolling upgrade of the gateways, {SESSIONS} live sessions: units missed by each", missed)


async def test_scaling_down_takes_a_group_when_it_is_empty(tiny: Release) -> None:
    """Of two groups the second is to go: it takes no new session, its own one speaks to its end and loses nothing, and
    only then the pods end; the session of the other group notices nothing."""
    async with talks(tiny.address(), 2) as held:
        places = [await asyncio.to_thread(tiny.thinker_of, talk.session_id) for talk in held]
        assert sorted(places) == [0, 1]
        staying, going = held[places.index(0)], held[places.index(1)]
        await asyncio.to_thread(
            functools.partial(tiny.upgrade, "thinker.replicas=1", "performer.groups=1", waits=False)
        )
        try:
            await until_all([going], lambda talk: talk.away, DRAIN_S / 2)
            await going.until_unit(5)
            # Still there for the session that it has.
            pod = tiny.pod("performer-1")
            assert "deletionTimestamp" in pod["metadata"]
            assert pod["status"]["containerStatuses"][0]["state"].keys() == {"running"}
            going.is_enough.set()
            await until_all([going], lambda talk: talk.ended_s, DRAIN_S)
            going.check_nothing_lost()
            # Long before the time of its drain is over, and with the other conversation going on.
            all_pods = functools.partial(tiny.cluster.get, "pods", namespace=tiny.namespace)
            names = {tiny.object_name(f"{component}-1") for component in ("thinker", "performer")}
            are_gone = functools.partial(lambda: not names & {pod["metadata"]["name"] for pod in all_pods()})
            await asyncio.to_thread(tiny.cluster.wait, are_gone, limit_s=DRAIN_S)
            await staying.until_unit(5)
        finally:
            await asyncio.to_thread(tiny.upgrade)
    staying.check_nothing_lost()
