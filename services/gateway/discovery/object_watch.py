"""The objects of one kind, kept as the API server has them: list, then watch from there.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn, Protocol, TypeAlias

from structlog.typing import FilteringBoundLogger

from services.gateway.discovery.backoff import Backoff

# As decoded from the API server's JSON; every one has metadata with name and uid.
KubernetesObject: TypeAlias = Mapping[str, Any]

# A watch that ends sooner and without a change has not worked: asking again at once would be a loop.
SHORT_WATCH_S: Final = 1.0


class Expired(Exception):
    """410 Gone: changes since that version are not known any more; list again."""


class ApiAway(Exception):
    """The API server cannot be asked, or refuses; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """All objects at one version."""

    objects: Sequence[KubernetesObject]
    version: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One line of a watch. A bookmark changes nothing but the version."""

    kind: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: KubernetesObject
    version: str


class ObjectSource(Protocol):
    """The objects of one kind on an API server. Both raise Expired or ApiAway."""

    async def list(self) -> Listing:
        """All of them."""

    def watch(self, version: str) -> AsyncIterator[Change]:
        """What changes after a version; ends when the server has had enough."""


class ObjectWatch:
    """What is known of one kind. `run` keeps it true; while the API server is away it stays what was last known.

    Args:
        name: of the kind, for logs.
        on_change: called after every change of `objects` or `is_current`.
    """

    def __init__(
        self,
        name: str,
        source: ObjectSource,
        on_change: Callable[[], None],
        backoff: Backoff,
        log: FilteringBoundLogger,
    ) -> None:
        self._name = name
        self._source = source
        self._on_change = on_change
        self._backoff = backoff
        self._log = log
        self._objects: dict[str, KubernetesObject] = {}
        self.is_current = False
        """Whether the last question to the API server was answered."""

    @property
    def objects(self) -> Sequence[KubernetesObject]:
        """All known objects; one a uid."""
        return list(self._objects.values())

    async def run(self) -> NoReturn:
        """Lists and watches for ever."""
        while True:
            try:
                await self._list_and_watch()
            except Expired:
                self._log.info("list again", objects=self._name, cause="the watched version has expired")
            except Exception as error:  # whatever it is: a watch that is given up would never come back
                self._lose(f"{type(error).__name__}: {error}")
            await asyncio.sleep(self._backoff.next_s())

    async def _list_and_watch(self) -> NoReturn:
        listing = await self._source.list()
        self._objects = {found["metadata"]["uid"]: found for found in listing.objects}
        if not self.is_current:
            self._log.info("watching", objects=self._name, count=len(self._objects))
        self.is_current = True
        self._on_change()
        version = listing.version
        while True:
            version = await self._watch(version)

    async def _watch(self, version: str) -> str:
        """Follows one watch to its end; the version that is known then."""
        loop = asyncio.get_running_loop()
        start_s, started_at = loop.time(), version
        async for change in self._source.watch(version):
            version = change.version
            self._backoff.reset()
            if change.kind != "BOOKMARK":
                self._take(change)
                self._on_change()
        if loop.time() - start_s >= SHORT_WATCH_S:
            self._backoff.reset()
        elif version == started_at:
            await asyncio.sleep(self._backoff.next_s())
        return version

    def _take(self, change: Change) -> None:
        metadata = change.object["metadata"]
        # A name belongs to one object at a time: another uid means that the older one is gone, said or not.
        for uid, known in list(self._objects.items()):
            if known["metadata"]["name"] == metadata["name"] and uid != metadata["uid"] and change.kind != "DELETED":
                del self._objects[uid]
        if change.kind == "DELETED":
            self._objects.pop(metadata["uid"], None)
        else:
            self._objects[metadata["uid"]] = change.object

    def _lose(self, cause: str) -> None:
        if self.is_current:
            self._log.warning("going on with what is known", objects=self._name, cause=cause)
        else:
            self._log.warning("not known", objects=self._name, cause=cause)
        self.is_current = False
        self._on_change()
