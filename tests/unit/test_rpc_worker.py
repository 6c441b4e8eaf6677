"""The engine's thread: one call at a time, and progress that health can ask for."""

import asyncio
import threading
import time

import pytest

from wan_streamer.errors import PlacementLost
from wan_streamer.rpc.worker import EngineWorker


async def test_calls_run_one_at_a_time_in_order() -> None:
    """Calls that are submitted together run one after the other, in the order of their submission."""
    seen: list[str] = []

    def call(name: str) -> None:
        seen.append(f"{name} begins")
        time.sleep(0.01)
        seen.append(f"{name} ends")

    with EngineWorker() as worker:
        await asyncio.gather(*(worker.run(call, name) for name in "abc"))
    assert seen == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


async def test_a_frozen_engine_fails_its_probe_and_an_idle_or_busy_one_does_not() -> None:
    """The probe passes when idle and when always busy, and hangs while a call hangs."""
    with EngineWorker() as worker:
        await asyncio.wait_for(worker.probe(), 1)
        release = threading.Event()
        hanging = asyncio.create_task(worker.run(release.wait))
        await asyncio.sleep(0.05)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.probe(), 0.2)
        release.set()
        await hanging
        busy = [asyncio.create_task(worker.run(time.sleep, 0.02)) for _ in range(50)]
        await asyncio.sleep(0.1)
        await asyncio.wait_for(worker.probe(), 0.05)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def test_a_cancelled_caller_waits_for_its_call() -> None:
    """What a call was changing is at rest when its cancelled caller goes on."""
    finished = threading.Event()

    def call() -> None:
        time.sleep(0.1)
        finished.set()

    with EngineWorker() as worker:
        task = asyncio.create_task(worker.run(call))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert finished.is_set()


async def test_errors_come_out_as_they_are() -> None:
    """An exception in the thread is raised in the caller."""
    with EngineWorker() as worker, pytest.raises(ZeroDivisionError):
        await worker.run(divmod, 1, 0)


@pytest.mark.parametrize(
    ("error", "seen"), [(PlacementLost("gone"), asyncio.CancelledError), (ZeroDivisionError(), ZeroDivisionError)]
)
async def test_a_bug_in_a_call_whose_caller_is_gone_is_not_lost(error: Exception, seen: type[BaseException]) -> None:
    """A cancelled caller hears of bugs; what we raise on purpose is as good as its own end."""

    def call() -> None:
        time.sleep(0.05)
        raise error

    with EngineWorker() as worker:
        task = asyncio.create_task(worker.run(call))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(seen):
            await task
