"""The API server stopped for a minute: the suite goes on with what it last knew."""

import asyncio
from typing import Final

import pytest

from tests.cluster.release import Release
from tests.cluster.report import Report
from tests.cluster.talks import short_talk, talks

AWAY_S: Final = 60
# Kubernetes' own processes ask again in their own time, which grows while nobody answers.
REPLACED_S: Final = 150
# The gateways' watches come back within their longest wait of 30 s; then the new pod is known.
KNOWN_S: Final = 60


async def test_conversations_go_on_and_new_ones_begin_without_the_api_server(tiny: Release, report: Report) -> None:
    """Two that were there lose nothing over the minute, new ones begin all the while at both places; afterwards the
    gateways watch again: a thinker that is new gets sessions."""
    node = tiny.cluster.node
    if node is None:
        pytest.skip("the cluster is somebody else's: its API server is not ours to stop")
    restarts, address = tiny.restarts(), tiny.address()
    begun = []
    async with talks(address, 2) as held:
        await asyncio.to_thread(node.processes.stop, "kube-apiserver")
        try:
            loop = asyncio.get_running_loop()
            end_s = loop.time() + AWAY_S
            while loop.time() < end_s:
                begun.append(await short_talk(address))
                await asyncio.sleep(2)
        finally:
            await asyncio.to_thread(node.start_api_server)
        for talk in held:
            await talk.until_unit(5)
    for talk in [*held, *begun]:
        talk.check_nothing_lost()
    assert all(len(talk.units) * 0.16 > AWAY_S for talk in held)
    assert len(begun) > 5
    report.add(f"API server away for {AWAY_S} s: conversations begun meanwhile", len(begun))
    assert {await asyncio.to_thread(tiny.thinker_of, talk.session_id) for talk in begun} == {0, 1}
    assert tiny.restarts() == restarts

    before = tiny.uids("thinker")
    await asyncio.to_thread(tiny.delete_pod, tiny.object_name("thinker-1"))
    await asyncio.to_thread(tiny.cluster.wait, lambda: len(tiny.uids("thinker") - before) == 1, limit_s=REPLACED_S)
    async with asyncio.timeout(KNOWN_S):
        while await asyncio.to_thread(tiny.thinker_of, (await short_talk(tiny.address())).session_id) != 1:
            await asyncio.sleep(0.5)
