"""The engine's own thread: computing never blocks the event loop, and health can ask it for progress."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from wan_streamer.errors import PeerUnavailable, WanStreamerError

P = ParamSpec("P")
R = TypeVar("R")


class EngineWorker:
    """Runs one call at a time, first come first served, in one thread: a model's modules are not for two at once."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._finished_count = 0
        self._finished_at_last_probe = 0
        self._is_frozen = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A call that hangs must not keep the process from ending.
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs a call in the thread and returns what it returns.

        A caller that is cancelled waits until its call has ended: what it was changing is then at rest.
        """
        computing = self._executor.submit(self._counted, call, args, kwargs)
        answer = asyncio.wrap_future(computing)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if not computing.cancel():
                await asyncio.wait((answer,))
                error = answer.exception()
                if error is not None and not isinstance(error, WanStreamerError):
                    # A bug of ours, which nobody else would see.
                    raise error from None
            raise

    def _counted(self, call: Callable[..., R], args: tuple[object, ...], kwargs: dict[str, object]) -> R:
        try:
            return call(*args, **kwargs)
        finally:
            self._finished_count += 1

    async def probe(self) -> None:
        """Returns when the thread makes progress: it finished something since the last probe, or does so now.

        A saturated engine passes, a frozen one never returns (the caller sets the limit).
        """
        if self._finished_count == self._finished_at_last_probe:
            try:
                await self.run(int)
            except asyncio.CancelledError:
                self._is_frozen = True
                raise
        self._finished_at_last_probe = self._finished_count
        self._is_frozen = False

    def check(self) -> None:
        """Raises PeerUnavailable (ENGINE_FROZEN) when the last probe found no progress: nothing new may begin here."""
        if self._is_frozen:
            raise PeerUnavailable(
                "this engine stands still and will be restarted; try again, another one will answer",
                reason="ENGINE_FROZEN",
            )
