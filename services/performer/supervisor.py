"""Keeps a performer group alive: when an epoch ends, the next one forms by itself."""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from structlog.typing import FilteringBoundLogger

from services.performer.commands import Ready
from services.performer.epoch import Epoch, epoch_over
from wan_streamer.errors import EngineFault, PlacementLost

RETRY_INTERVAL_S: Final = 1.0


class Supervisor:
    """Owns the current epoch, which is formed here and watched by a thread until `stop`.

    Args:
        form: makes an epoch whose ranks are ready.
        on_change: called by the thread with the number of an epoch that began, with 0 when it is over.
    """

    def __init__(
        self,
        form: Callable[[], tuple[Epoch, Ready]],
        on_change: Callable[[int], None],
        log: FilteringBoundLogger,
    ) -> None:
        self._form = form
        self._on_change = on_change
        self._log = log
        self._leaving = Event()
        self._thread = Thread(target=self._run, name="supervisor", daemon=True)
        self._epoch, self.ready = form()
        self._is_over = False
        on_change(self._epoch.number)
        self._thread.start()

    def epoch(self) -> Epoch:
        """The epoch that runs.

        Raises:
            PlacementLost: EPOCH, it is over and the next one has not begun.
        """
        if self._is_over:
            raise PlacementLost(epoch_over(self._epoch.number), reason="EPOCH")
        return self._epoch

    def stop(self) -> None:
        """Ends the ranks, and an epoch that is forming as soon as it has formed."""
        self._leaving.set()
        self._thread.join()
        self._epoch.kill()
        self._epoch.join()

    def _run(self) -> None:
        while (cause := self._epoch.watch(self._leaving)) is not None:
            self._epoch.kill()
            self._is_over = True
            self._on_change(0)
            self._log.error("epoch over", epoch=self._epoch.number, cause=cause)
            self._epoch.join()
            self._form_again()

    def _form_again(self) -> None:
        start_s = time.monotonic()
        while not self._leaving.is_set():
            try:
                self._epoch = self._formed_alike()
            except Exception as error:  # whatever it is: a group that is given up would never come back
                self._log.error("the group could not form", cause=f"{type(error).__name__}: {error}")
                self._leaving.wait(RETRY_INTERVAL_S)
                continue
            self._is_over = False
            self._on_change(self._epoch.number)
            self._log.info("epoch begun", epoch=self._epoch.number, after_s=round(time.monotonic() - start_s, 2))
            return

    def _formed_alike(self) -> Epoch:
        epoch, ready = self._form()
        if ready.fingerprint != self.ready.fingerprint:
            epoch.kill()
            epoch.join()
            raise EngineFault("the ranks loaded other weights than the first epoch's; restart the service")
        return epoch
