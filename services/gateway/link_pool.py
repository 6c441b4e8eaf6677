"""The links of a gateway, one for each place that its discovery knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from structlog.typing import FilteringBoundLogger

from services.gateway.discovery.place import Place, Places
from services.gateway.placement import Standing, preference


class Link(Protocol):
    """What the pool needs of a link."""

    @property
    def standing(self) -> Standing:
        """How good a place it is."""

    async def close(self) -> None:
        """Ends it as soon as nobody uses it."""


LinkT = TypeVar("LinkT", bound=Link)


class LinkPool(Generic[LinkT]):
    """Opens a link for each place that comes and closes those of places that are gone.

    A pod that is replaced is another place, whatever its name and address: nothing of the old link is used for it.

    Args:
        open_link: makes a link.
        draw: random numbers from 0 to 1, for thinkers that are equally good.
    """

    def __init__(
        self, open_link: Callable[[Place], LinkT], draw: Callable[[], float], log: FilteringBoundLogger
    ) -> None:
        self._open_link = open_link
        self._draw = draw
        self._log = log
        self._links: dict[Place, LinkT] = {}
        self._places = Places(is_current=False)
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def links(self) -> Sequence[LinkT]:
        """Those of all known places."""
        return list(self._links.values())

    @property
    def is_current(self) -> bool:
        """Whether the discovery knows what is there now, not only what was there."""
        return self._places.is_current

    def by_preference(self) -> Sequence[LinkT]:
        """In the order in which a new session is offered to them."""
        return sorted(self.links, key=lambda link: preference(link.standing, self._places, self._draw))

    def update(self, places: Places) -> None:
        """Takes what a discovery knows now; call it in the event loop."""
        self._places = places
        for place in [place for place in self._links if place not in places.thinkers]:
            self._log.info("thinker gone", thinker=place.address, pod_uid=place.pod_uid)
            self._close(self._links.pop(place))
        for place in places.thinkers:
            if place not in self._links:
                self._log.info("thinker known", thinker=place.address, pod_uid=place.pod_uid)
                self._links[place] = self._open_link(place)

    async def close(self) -> None:
        """Closes all links."""
        self.update(Places())
        await asyncio.gather(*self._closing)

    def _close(self, link: LinkT) -> None:
        closing = asyncio.create_task(link.close(), name="close link")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
