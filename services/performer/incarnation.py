"""Which epoch a performer group is in, for the event loop."""

import asyncio

from services.performer.epoch import epoch_over
from wan_streamer.errors import PeerUnavailable, PlacementLost


class Incarnation:
    """The number of the current epoch; streams wait here for its end."""

    def __init__(self) -> None:
        self._epoch = 0
        self._changed = asyncio.Event()

    @property
    def epoch(self) -> int:
        """The epoch that takes sessions; 0 while the group forms."""
        return self._epoch

    def serving_epoch(self) -> int:
        """As `epoch`.

        Raises:
            PeerUnavailable: GROUP_FORMING, there is none at the moment.
        """
        if not self._epoch:
            raise PeerUnavailable(
                "the performer group forms anew after a rank was lost; try again", reason="GROUP_FORMING"
            )
        return self._epoch

    def change(self, epoch: int) -> None:
        """Another epoch begins; with 0 the last one is over."""
        self._epoch = epoch
        self._changed.set()
        self._changed = asyncio.Event()

    async def until_over(self, epoch: int) -> None:
        """Waits for the end of an epoch.

        Raises:
            PlacementLost: EPOCH, always: it is over.
        """
        while self._epoch == epoch:
            await self._changed.wait()
        raise PlacementLost(epoch_over(epoch), reason="EPOCH")
