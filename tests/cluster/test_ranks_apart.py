"""A performer group whose ranks have a pod each, and find each other by names before they are ready."""

import asyncio
import functools

from tests.cluster.release import Release
from tests.cluster.talks import short_talk

BACK_S = 90


async def test_ranks_in_pods_of_their_own_serve_and_form_again(apart: Release) -> None:
    """They hold a conversation; when the pod of a rank is deleted, the group forms again with the one that comes."""
    names = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in apart.pods("performer")}
    assert set(names) == {apart.object_name(f"performer-0-{rank}") for rank in (0, 1)}
    (await short_talk(apart.address())).check_nothing_lost()
    replaced = apart.object_name("performer-0-1")
    await asyncio.to_thread(apart.delete_pod, replaced)

    def is_new() -> bool:
        return names[replaced] not in apart.uids("performer")

    await asyncio.to_thread(apart.cluster.wait, is_new, limit_s=BACK_S)
    await asyncio.to_thread(apart.cluster.wait, functools.partial(apart.are_ready, "performer", 2), limit_s=BACK_S)
    (await short_talk(apart.address())).check_nothing_lost()
