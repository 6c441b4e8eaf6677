"""Lists and watches, with a source that says what the test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.gateway.discovery.backoff import Backoff
from services.gateway.discovery.object_watch import ApiAway, Change, KubernetesObject, Listing, ObjectWatch


class FakeSource:
    """Lists what it is given; each watch takes the next script and ends, the last one waits."""

    def __init__(self, objects: list[KubernetesObject], *scripts: list[Change]) -> None:
        self.objects = objects
        self.scripts = list(scripts)
        self.versions: list[str] = []
        self.list_count = 0

    async def list(self) -> Listing:
        self.list_count += 1
        return Listing(objects=self.objects, version="1")

    async def watch(self, version: str) -> AsyncIterator[Change]:
        self.versions.append(version)
        if not self.scripts:
            await asyncio.Event().wait()
        for change in self.scripts.pop(0):
            yield change


def pod(uid: str, name: str = "p") -> KubernetesObject:
    return {"metadata": {"name": name, "uid": uid}}


@asynccontextmanager
async def running(source: FakeSource) -> AsyncIterator[ObjectWatch]:
    """A watch that has come to the end of the scripts."""
    watch = ObjectWatch("pods", source, lambda: None, Backoff(lambda: 1.0), structlog.get_logger())
    task = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(10):
            while source.scripts or not source.versions:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        yield watch
    finally:
        task.cancel()


def uids(watch: ObjectWatch) -> list[str]:
    return [found["metadata"]["uid"] for found in watch.objects]


async def test_a_new_uid_of_a_name_drops_the_old_one() -> None:
    """When the old one's DELETED never came; when it comes late, the new one stays."""
    added, deleted = (Change(kind=k, object=pod(u), version="2") for k, u in (("ADDED", "b"), ("DELETED", "a")))
    for script in ([added], [added, deleted]):
        async with running(FakeSource([pod("a"), pod("c", "other")], script)) as watch:
            assert uids(watch) == ["c", "b"]


async def test_a_watch_goes_on_where_the_last_one_ended() -> None:
    """Without another list, from the newest version, which a bookmark moves too."""
    bookmark = Change(kind="BOOKMARK", object={"metadata": {}}, version="7")
    source = FakeSource([], [Change(kind="ADDED", object=pod("a"), version="5")], [bookmark])
    async with running(source) as watch:
        async with asyncio.timeout(5):
            while len(source.versions) < 3:
                await asyncio.sleep(0.01)
        assert source.versions == ["1", "5", "7"]
        assert source.list_count == 1
        assert uids(watch) == ["a"]


async def test_watches_that_end_at_once_are_no_loop() -> None:
    """A server that ends every watch without a word is asked more and more rarely."""
    async with running(FakeSource([], [], [])) as watch:
        assert watch.is_current
    source = FakeSource([], *([[]] * 1000))
    task = asyncio.create_task(
        ObjectWatch("pods", source, lambda: None, Backoff(lambda: 1.0), structlog.get_logger()).run()
    )
    await asyncio.sleep(0.5)
    task.cancel()
    assert len(source.versions) < 5


async def test_any_failure_is_survived() -> None:
    """Also one that nobody thought of: what is known stays, and the next list makes it current again."""

    class Failing(FakeSource):
        async def list(self) -> Listing:
            listing = await super().list()
            if self.list_count == 2:
                raise ApiAway("away")
            if self.list_count == 3:
                raise RuntimeError("a bug")
            return listing

        async def watch(self, version: str) -> AsyncIterator[Change]:
            if self.list_count == 1:
                raise KeyError("another")
            async for change in super().watch(version):
                yield change

    source = Failing([pod("a")])
    seen: list[tuple[bool, int]] = []
    watch = ObjectWatch(
        "pods",
        source,
        lambda: seen.append((watch.is_current, len(watch.objects))),
        Backoff(lambda: 1.0),
        structlog.get_logger(),
    )
    task = asyncio.create_task(watch.run())
    async with asyncio.timeout(10):
        while not source.versions:
            await asyncio.sleep(0.01)
    task.cancel()
    assert seen == [(True, 1), (False, 1), (False, 1), (False, 1), (True, 1)]
