"""The service of a rank above 0 on a host of its own: it keeps the rank's process as rank 0's service tells it to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from multiprocessing import AuthenticationError
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Final

import grpc
from structlog.typing import FilteringBoundLogger

from services.performer.config import PerformerConfig
from services.performer.line import Begun, End, Ended, Form, Join, Joined, Line, Message, Refused
from services.performer.rank import LOOK_INTERVAL_S, RankProcess
from services.performer.rank_process import Load, RankPlace, run_rank_apart
from services.performer.wire import GREETING_LIMIT_S, Rendezvous, connected
from wan_streamer.engine.config import load_model
from wan_streamer.errors import EngineFault, PeerUnavailable
from wan_streamer.rpc.server import ServiceContext

RETRY_INTERVALS_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)


class Agent:
    """Comes to the rendezvous for as long as it takes, again and again, in a thread of its own until `stop`."""

    def __init__(self, config: PerformerConfig, place: Rendezvous, load: Load, log: FilteringBoundLogger) -> None:
        self._config = config
        self._place = place
        self._load = load
        self._log = log
        self._leaving = Event()
        self._process: RankProcess | None = None
        self._epoch = 0
        self._is_idle = Event()
        self._is_idle.set()
        self._thread = Thread(target=self._run, name="agent", daemon=True)
        self._thread.start()

    def check_alive(self) -> None:
        """Raises EngineFault when it has failed."""
        if not self._thread.is_alive():
            raise EngineFault("the agent's thread has ended; the log says why")

    @property
    def is_idle(self) -> bool:
        """Whether its rank serves no epoch."""
        return self._is_idle.is_set()

    def wait_idle(self, limit_s: float) -> None:
        """Waits until it is idle or the time is over."""
        self._is_idle.wait(limit_s)

    def stop(self) -> None:
        """Ends the rank."""
        self._leaving.set()
        # A name that is being looked up may take longer.
        self._thread.join(2 * GREETING_LIMIT_S)

    def _run(self) -> None:
        attempt, told = 0, ""
        while not self._leaving.is_set():
            inbox: SimpleQueue[Message | None] = SimpleQueue()
            try:
                line = self._joined(inbox)
            except (OSError, EOFError, AuthenticationError, PeerUnavailable) as error:
                cause = _why_not(error)
                if cause != told:
                    self._log.warning("waiting for rank 0", rendezvous=self._config.rendezvous, cause=cause)
                told = cause
                self._leaving.wait(RETRY_INTERVALS_S[min(attempt, len(RETRY_INTERVALS_S) - 1)])
                attempt += 1
                continue
            attempt, told = 0, ""
            self._log.info("joined the group", rank=self._config.rank)
            try:
                self._obey(line, inbox)
            finally:
                self._end()
                line.cut()

    def _joined(self, inbox: "SimpleQueue[Message | None]") -> Line:
        link = connected(self._place)
        link.send(Join(rank=self._config.rank, rank_count=self._config.ranks))
        answer = link.recv() if link.poll(GREETING_LIMIT_S) else None
        if isinstance(answer, Joined):
            return Line(link, inbox.put)
        link.close()
        raise PeerUnavailable(answer.why if isinstance(answer, Refused) else "rank 0 does not answer")

    def _obey(self, line: Line, inbox: "SimpleQueue[Message | None]") -> None:
        """Returns when the line is lost or the agent leaves."""
        while not self._leaving.is_set():
            try:
                message = inbox.get(timeout=LOOK_INTERVAL_S)
            except Empty:
                pass
            else:
                if message is None:
                    self._log.error("rank 0 is out of reach")
                    return
                self._do(message)
            if self._process is not None and (cause := self._process.failure()) is not None:
                line.send(Ended(epoch=self._epoch, cause=cause))
                self._log.error("rank ended", epoch=self._epoch, cause=cause)
                self._end()

    def _do(self, message: Message) -> None:
        match message:
            case Form(epoch=epoch, store_port=store_port):
                self._end()
                place = RankPlace(
                    rank=self._config.rank,
                    rank_count=self._config.ranks,
                    store_host=self._place.host,
                    store_port=store_port,
                    is_apart=True,
                )
                self._epoch = epoch
                self._process = RankProcess(
                    run_rank_apart, place, self._config, self._load, self._place, epoch, rank=place.rank
                )
            case Begun(epoch=epoch) if self._process is not None and epoch == self._epoch:
                self._is_idle.clear()
                self._log.info("epoch begun", epoch=epoch)
            case End(epoch=epoch) if self._process is not None and epoch == self._epoch:
                self._log.info("epoch over", epoch=epoch)
                self._end()

    def _end(self) -> None:
        self._is_idle.set()
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


class AgentService:
    """Health alone."""

    full_names: Sequence[str] = ()

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def register(self, server: grpc.aio.Server) -> None:
        """It has no methods: sessions are rank 0's."""

    async def probe_engine(self) -> None:
        """Returns while it can be told what to do; a rank that stands still is rank 0's to find."""
        self._agent.check_alive()

    async def probe(self) -> None:
        """Returns while its rank serves an epoch."""
        if self._agent.is_idle:
            raise PeerUnavailable("this rank waits for its group to form", reason="GROUP_FORMING")

    async def drain(self, time_left_s: float) -> None:
        """Waits until rank 0 has ended the epoch: where a whole group is told to leave, its sessions go on."""
        await asyncio.to_thread(self._agent.wait_idle, time_left_s)


@asynccontextmanager
async def build_agent(
    config: PerformerConfig, context: ServiceContext, load: Load = load_model
) -> AsyncIterator[AgentService]:
    """The service of a rank above 0 whose configuration has a rendezvous."""
    place = config.rendezvous_place()
    assert place is not None
    agent = Agent(config, place, load, context.log)
    try:
        yield AgentService(agent)
    finally:
        await asyncio.to_thread(agent.stop)


def _why_not(error: Exception) -> str:
    if isinstance(error, AuthenticationError):
        return "rank 0 has another key (--rendezvous-key-file)"
    return f"{type(error).__name__}: {error}"
