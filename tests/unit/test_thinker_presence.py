"""Who has a session, and for how long nobody may."""

import asyncio

import pytest

from services.thinker.presence import Presence
from wan_streamer.errors import PlacementLost


async def test_generations_rise_whatever_a_stream_asks_for() -> None:
    """A stream gets what it asks for or more, never a number that was given before."""
    presence = Presence(30)
    assert [presence.attach(at_least) for at_least in (1, 1, 7, 2)] == [1, 2, 7, 8]


async def test_a_session_is_given_up_when_its_grace_is_over_and_not_before() -> None:
    """Who comes back in the grace keeps it, an older stream's end does not count, and then nobody comes: it is lost."""
    presence = Presence(0.2)
    waiting = asyncio.create_task(presence.until_given_up())
    first = presence.attach(1)
    presence.leave(first)
    await asyncio.sleep(0.05)
    second = presence.attach(1)
    presence.leave(first)
    await asyncio.sleep(0.4)
    assert not waiting.done()
    presence.leave(second)
    with pytest.raises(PlacementLost, match=r"0\.2 s"):
        await waiting


async def test_a_session_that_nobody_takes_is_given_up() -> None:
    """When the stream that began it has gone before it was ready, not even no grace keeps it, nor ends it too early."""
    presence = Presence(0)
    waiting = asyncio.create_task(presence.until_given_up())
    await asyncio.sleep(0.1)
    assert not waiting.done()
    with pytest.raises(PlacementLost):
        await waiting
