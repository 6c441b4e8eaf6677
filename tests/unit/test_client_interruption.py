"""Ctrl-C and SIGTERM inside a running loop."""

import asyncio
import os
import signal
import threading

import pytest

from wan_streamer.client.interruption import Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_cancels_the_work_and_nothing_else(number: signal.Signals) -> None:
    """The work that is under way is cancelled after it could clean up; the caller goes on."""
    cleaned = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    with Interruption() as interruption:
        assert await interruption.unless(work()) is None
        assert interruption.is_requested
        assert cleaned == [True]
        assert await interruption.unless(asyncio.sleep(60, "never")) is None


async def test_without_a_signal_work_gives_its_result_or_its_error() -> None:
    """Results and errors pass through unchanged."""

    async def fail() -> None:
        raise ValueError("broken")

    with Interruption() as interruption:
        assert await interruption.unless(asyncio.sleep(0, "done")) == "done"
        with pytest.raises(ValueError, match="broken"):
            await interruption.unless(fail())
        assert not interruption.is_requested


async def test_threads_ask_how_long_they_may_go_on() -> None:
    """Before a request there is no limit; after it only what is left of the time."""
    with Interruption() as interruption:
        assert interruption.has_left(0.0)
        interruption.request()
        answers: list[bool] = []
        thread = threading.Thread(target=lambda: answers.extend([interruption.has_left(60), interruption.has_left(0)]))
        thread.start()
        thread.join()
    assert answers == [True, False]


async def test_the_second_signal_is_not_held_back() -> None:
    """After the first request Python's own handler is back: a second Ctrl-C ends the process."""
    with Interruption() as interruption:
        held = signal.getsignal(signal.SIGINT)
        interruption.request()
        assert signal.getsignal(signal.SIGINT) is not held
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
