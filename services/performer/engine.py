"""What computes behind the service: this process alone, or ranks in processes of their own."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from services.performer.config import PerformerConfig
from services.performer.epoch import Epoch
from services.performer.group_performer import GroupPerformer
from services.performer.incarnation import Incarnation
from services.performer.meeting import Meeting
from services.performer.rank import Start, start_here
from services.performer.rank_process import Load
from services.performer.supervisor import Supervisor
from wan_streamer.engine.config import recorder_of
from wan_streamer.engine.performer import Performer, UnitPerformer
from wan_streamer.engine.warm_up import performer_cost_ms
from wan_streamer.errors import InvalidInput
from wan_streamer.rpc.worker import EngineWorker


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A warm performer.

    Attributes:
        fingerprint: of the model.
        unit_cost_ms: a whole unit when nothing disturbs it.
        incarnation: its epoch.
    """

    performer: UnitPerformer
    fingerprint: str
    unit_cost_ms: float
    rank_count: int
    incarnation: Incarnation


@asynccontextmanager
async def running_engine(
    config: PerformerConfig, worker: EngineWorker, log: FilteringBoundLogger, load: Load
) -> AsyncIterator[Engine]:
    """The engine that a configuration asks for.

    Raises:
        InvalidInput: RANKS, the model's heads cannot be split among so many ranks; and as `load` raises, and the
            configuration's `rendezvous_place`.
    """
    if config.ranks < 1:
        raise InvalidInput(f"got {config.ranks} ranks, expected at least 1", reason="RANKS")
    place = config.rendezvous_place()
    if config.ranks == 1:
        yield await worker.run(_alone, config, load, Incarnation())
        return
    if place is None:
        async with _group(config, worker, log, start_here(config, load, config.ranks)) as engine:
            yield engine
        return
    with Meeting(place, config.ranks, log) as meeting:
        await asyncio.to_thread(meeting.wait_for_all)
        async with _group(config, worker, log, meeting.start(config, load), meeting.leave) as engine:
            yield engine


@asynccontextmanager
async def _group(
    config: PerformerConfig,
    worker: EngineWorker,
    log: FilteringBoundLogger,
    start: Start,
    before_stop: Callable[[], None] = lambda: None,
) -> AsyncIterator[Engine]:
    incarnation = Incarnation()
    loop = asyncio.get_running_loop()

    def on_change(epoch: int) -> None:
        loop.call_soon_threadsafe(incarnation.change, epoch)

    async with AsyncExitStack() as stack:

        def supervised() -> Supervisor:
            supervisor = Supervisor(functools.partial(Epoch.form, start), on_change, log)
            # Here: also when nobody waits for it any more.
            stack.push_async_callback(asyncio.to_thread, supervisor.stop)
            stack.callback(before_stop)
            return supervisor

        supervisor = await worker.run(supervised)
        performer = GroupPerformer(supervisor, config.ranks)
        yield Engine(
            performer=performer,
            fingerprint=supervisor.ready.fingerprint,
            unit_cost_ms=await worker.run(performer_cost_ms, performer),
            rank_count=config.ranks,
            incarnation=incarnation,
        )


def _alone(config: PerformerConfig, load: Load, incarnation: Incarnation) -> Engine:
    performer = Performer(load(config), recorder_of(config))
    # The time of the start: a later incarnation has a higher epoch.
    incarnation.change(time.time_ns() // 1000)
    return Engine(
        performer=performer,
        fingerprint=performer.model.fingerprint(),
        unit_cost_ms=performer_cost_ms(performer),
        rank_count=1,
        incarnation=incarnation,
    )
