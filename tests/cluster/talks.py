"""Conversations by the Python client, from outside of the cluster."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from wan_streamer.client import AudioFormat, Ended, Event, GoAway, Pace, Resumed, Session, Unit, connect
from wan_streamer.errors import CapacityExhausted, PeerUnavailable, WanStreamerError
from wan_streamer.unit import FRAMES_PER_UNIT, UNIT_MS, samples_per_unit

RATE_HZ: Final = 16_000
AUDIO: Final = AudioFormat(sample_rate_hz=RATE_HZ, channel_count=1)
BEGUN_UNITS: Final = 8


@dataclass
class Talk:
    """One conversation, while it goes on and after.

    Attributes:
        is_enough: set it, and it ends as soon as its last unit is answered.
        error: what it ended with; None where it ended as agreed.
        missed_unit_count: units that were lost because no stream was there.
        ended_s: by time.monotonic(); 0 while it goes on.
    """

    is_enough: asyncio.Event = field(default_factory=asyncio.Event)
    session_id: str = ""
    rate_hz: int = 0
    events: list[Event] = field(default_factory=list)
    error: WanStreamerError | None = None
    missed_unit_count: int = 0
    ended_s: float = 0.0

    @property
    def units(self) -> list[Unit]:
        return [event for event in self.events if isinstance(event, Unit)]

    @property
    def away(self) -> list[GoAway]:
        return [event for event in self.events if isinstance(event, GoAway)]

    @property
    def resumed(self) -> list[Resumed]:
        return [event for event in self.events if isinstance(event, Resumed)]

    def check_units(self) -> None:
        """Every unit once, in order, and each whole or said to be without media: none twice, none half."""
        assert [unit.unit_index for unit in self.units] == list(range(len(self.units)))
        whole = (samples_per_unit(self.rate_hz), FRAMES_PER_UNIT)
        for unit in self.units:
            assert (unit.audio.size, len(unit.frames)) == ((0, 0) if unit.is_skipped else whole), unit

    def check_nothing_lost(self) -> None:
        """It ended as agreed, and every unit was answered, once and whole."""
        assert self.error is None
        assert self.events[-1] == Ended(unit_count=len(self.units))
        self.check_units()
        assert [unit.unit_index for unit in self.units if unit.is_skipped] == []

    async def until_unit(self, count: int, limit_s: float = 60) -> None:
        """Waits until so many units have come, from now on; raises what ended it before."""
        wanted = len(self.units) + count
        async with asyncio.timeout(limit_s):
            while len(self.units) < wanted:
                if self.ended_s:
                    raise self.error or AssertionError(f"it ended after {len(self.units)} units")
                await asyncio.sleep(0.02)


async def hold(address: str, talk: Talk, *, seed: int = 1, pace: Pace = "media", is_hasty: bool = False) -> Talk:
    """Talks noise until it is enough, whatever becomes of the way there.

    As fast as a microphone, at media pace too, which then says more than "live" on a busy machine: nothing of it may be
    lost. Hasty, as fast as the answers come.
    """
    try:
        async with (
            connect(address, audio=AUDIO, pace=pace, seed=seed) as session,
            asyncio.TaskGroup() as tasks,
        ):
            talk.session_id, talk.rate_hz = session.attached.session_id, session.attached.audio_sample_rate_hz
            speaking = tasks.create_task(_speak(session, talk.is_enough, seed, is_hasty))
            try:
                async for event in session:
                    talk.events.append(event)
                    talk.missed_unit_count = session.missed_unit_count
            except WanStreamerError as error:
                talk.error = error
            speaking.cancel()
    except* WanStreamerError as group:
        talk.error = talk.error or _first(group)
    talk.ended_s = time.monotonic()
    return talk


@asynccontextmanager
async def talks(address: str, count: int, *, pace: Pace = "media", is_hasty: bool = False) -> AsyncIterator[list[Talk]]:
    """Several conversations at once, under way; leaving lets each say its last and waits for its end."""
    held = [Talk() for _ in range(count)]
    async with asyncio.TaskGroup() as tasks:
        try:
            for seed, talk in enumerate(held):
                tasks.create_task(hold(address, talk, seed=seed, pace=pace, is_hasty=is_hasty))
                # One after the other: gateways ask once a second how full thinkers are.
                await talk.until_unit(BEGUN_UNITS)
            yield held
        finally:
            for talk in held:
                talk.is_enough.set()


async def until_all(held: list[Talk], is_so: Callable[[Talk], object], limit_s: float) -> None:
    """Waits until something is so of each of some conversations; TimeoutError when it is not, in time."""
    async with asyncio.timeout(limit_s):
        while not all(is_so(talk) for talk in held):
            await asyncio.sleep(0.05)


async def short_talk(address: str, units: int = 5, *, limit_s: float = 60) -> Talk:
    """A new conversation that ends as agreed; asked for again while the suite says that it will be possible."""
    async with asyncio.timeout(limit_s):
        while True:
            talk = Talk()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(hold(address, talk))
                with suppress(WanStreamerError, AssertionError):
                    await talk.until_unit(units)
                talk.is_enough.set()
            if not isinstance(talk.error, CapacityExhausted | PeerUnavailable):
                return talk
            await asyncio.sleep(0.2)


async def _speak(session: Session, is_enough: asyncio.Event, seed: int, is_hasty: bool) -> None:
    """Noise in pieces of a quarter of a unit."""
    random = np.random.default_rng(seed)
    start_s, sent = time.monotonic(), 0
    while not is_enough.is_set():
        await session.send_audio(random.integers(-5000, 5000, RATE_HZ * UNIT_MS // 4000).astype(np.int16))
        sent += 1
        await asyncio.sleep(0 if is_hasty else max(0.0, start_s + sent * UNIT_MS / 4000 - time.monotonic()))
    await session.end()


def _first(group: BaseExceptionGroup[WanStreamerError]) -> WanStreamerError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, WanStreamerError)
    return error
