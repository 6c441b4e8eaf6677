"""Rank 0's side of a group whose ranks run on several hosts: agents come here, and ranks of each epoch after them."""

import socket
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError
from threading import Condition, Thread
from types import TracebackType
from typing import Any, Final, Self

from structlog.typing import FilteringBoundLogger

from services.performer.line import Begun, End, Ended, Form, Join, Joined, Line, Message, Refused, Serve
from services.performer.rank import LocalRank, Rank, Start
from services.performer.rank_process import Load, RankPlace
from services.performer.wire import GREETING_LIMIT_S, Link, Rendezvous, accepted, cut
from wan_streamer.engine.config import EngineConfig
from wan_streamer.errors import EngineFault, PeerUnavailable, WanStreamerError

# A new epoch waits so long for agents; then it is said who is missing, and tried again.
GATHER_LIMIT_S: Final = 10.0
# A rank's process comes after Python has started and torch is imported.
START_LIMIT_S: Final = 120.0


class RemoteAgent:
    """The agent of a rank, on its host."""

    def __init__(self, link: Link, on_change: Callable[[], None]) -> None:
        self._ended: Ended | None = None
        self._on_change = on_change
        self.is_lost = False
        self.line = Line(link, self._hear)

    def failure(self, epoch: int) -> str | None:
        """What has become of the rank of an epoch, in words."""
        if self.is_lost:
            return "is out of reach"
        ended = self._ended
        return ended.cause if ended is not None and ended.epoch == epoch else None

    def _hear(self, message: Message | None) -> None:
        if message is None:
            self.is_lost = True
        elif isinstance(message, Ended):
            self._ended = message
        self._on_change()


class RemoteRank:
    """A rank of an epoch on another host."""

    end = None

    def __init__(self, agent: RemoteAgent, epoch: int, link: Link) -> None:
        self._agent = agent
        self._epoch = epoch
        self.link = link

    def failure(self) -> str | None:
        """As `Rank.failure`."""
        return self._agent.failure(self._epoch)

    def begin(self) -> None:
        """As `Rank.begin`."""
        self._agent.line.send(Begun(epoch=self._epoch))

    def kill(self) -> None:
        """As `Rank.kill`; a rank whose agent cannot hear it leaves when its link is cut."""
        self._agent.line.send(End(epoch=self._epoch))
        cut(self.link)

    def join(self) -> None:
        """The agent starts no other rank before this one is gone."""


class Meeting:
    """Listens at the rendezvous from entering to leaving.

    Args:
        place: where; the host is for those who come, all addresses of this one are listened at.
        rank_count: of the group, with rank 0.
    """

    def __init__(self, place: Rendezvous, rank_count: int, log: FilteringBoundLogger) -> None:
        self._place = place
        self._rank_count = rank_count
        self._log = log
        self._agents: dict[int, RemoteAgent] = {}
        self._links: dict[tuple[int, int], Link | None] = {}
        self._changed = Condition()
        self._is_leaving = False

    def __enter__(self) -> Self:
        self._server = socket.create_server(("", self._place.port), backlog=64)
        Thread(target=self._listen, name="meeting", daemon=True).start()
        return self

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave()
        with self._changed:
            agents = list(self._agents.values())
        for agent in agents:
            agent.line.cut()

    def leave(self) -> None:
        """Takes nobody any more; who waits in `start` gets an error."""
        with self._changed:
            if self._is_leaving:
                return
            self._is_leaving = True
            self._changed.notify_all()
        # Closing alone would not wake the thread that accepts.
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def wait_for_all(self) -> None:
        """Waits until all agents are here, for as long as it takes.

        Raises:
            PeerUnavailable: this service ends.
        """
        with self._changed:
            if missing := self._missing():
                self._log.info("waiting for ranks", ranks=missing)
            self._changed.wait_for(lambda: self._is_leaving or not self._missing())
            self._check_leaving()

    def start(self, config: EngineConfig, load: Load) -> Start:
        """Rank 0 is a process of this host, the others are their agents'.

        The function raises PeerUnavailable when an agent is not here, EngineFault when a rank does not start.
        """

        def start(epoch: int, store_port: int) -> list[Rank]:
            agents = self._gathered()
            place = RankPlace(
                rank=0,
                rank_count=self._rank_count,
                store_host=self._place.host,
                store_port=store_port,
                is_apart=True,
            )
            own = LocalRank(place, config, load)
            try:
                return [own, *self._start_others(agents, epoch, store_port)]
            except BaseException:
                own.kill()
                raise

        return start

    def _gathered(self) -> list[RemoteAgent]:
        """All agents."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_leaving or not self._missing(), GATHER_LIMIT_S):
                raise PeerUnavailable(f"ranks {self._missing()} have not come to the rendezvous")
            self._check_leaving()
            return [self._agents[rank] for rank in range(1, self._rank_count)]

    def _start_others(self, agents: list[RemoteAgent], epoch: int, store_port: int) -> list[RemoteRank]:
        with self._changed:
            self._links = {(epoch, rank): None for rank in range(1, self._rank_count)}
        for agent in agents:
            agent.line.send(Form(epoch=epoch, store_port=store_port))
        try:
            links = self._links_of(agents, epoch)
        except BaseException:
            for agent in agents:
                agent.line.send(End(epoch=epoch))
            raise
        return [RemoteRank(agent, epoch, link) for agent, link in zip(agents, links, strict=True)]

    def _links_of(self, agents: list[RemoteAgent], epoch: int) -> list[Link]:
        """The connections of all ranks of an epoch, once their processes have come."""
        end_s = time.monotonic() + START_LIMIT_S
        with self._changed:
            while True:
                links = [link for link in self._links.values() if link is not None]
                if len(links) == len(agents):
                    return links
                self._check_leaving()
                causes = [(rank, agent.failure(epoch)) for rank, agent in enumerate(agents, 1)]
                for rank, cause in causes:
                    if cause is not None:
                        raise EngineFault(f"the performer group could not form: rank {rank} {cause}")
                if time.monotonic() > end_s:
                    raise PeerUnavailable(f"not all ranks started in {START_LIMIT_S:.0f} s")
                self._changed.wait(1.0)

    def _check_leaving(self) -> None:
        if self._is_leaving:
            raise PeerUnavailable("this service ends")

    def _missing(self) -> list[int]:
        return [rank for rank in range(1, self._rank_count) if self._agent(rank) is None]

    def _agent(self, rank: int) -> RemoteAgent | None:
        agent = self._agents.get(rank)
        return None if agent is None or agent.is_lost else agent

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _listen(self) -> None:
        while True:
            try:
                caller, address = self._server.accept()
            except OSError:
                if self._is_leaving:
                    return
                time.sleep(0.1)  # the caller went away, or there are no file descriptors for now
                continue
            # Who is silent keeps nobody waiting.
            Thread(target=self._greet, args=(caller, address[0]), name="greeting", daemon=True).start()

    def _greet(self, caller: socket.socket, address: str) -> None:
        try:
            link = accepted(caller, self._place.key)
            hello: Any = link.recv() if link.poll(GREETING_LIMIT_S) else None
            self._take(link, hello, address)
        except AuthenticationError:
            self._log.warning("refused at the rendezvous: wrong key", address=address)
        except (OSError, EOFError) as error:
            self._log.info("left the rendezvous", address=address, cause=f"{type(error).__name__}: {error}")

    def _take(self, link: Link, hello: Any, address: str) -> None:
        match hello:
            case Join():
                self._take_agent(link, hello, address)
            case Serve():
                self._take_rank(link, hello)
            case _:
                link.close()

    def _take_agent(self, link: Link, join: Join, address: str) -> None:
        try:
            with self._changed:
                self._check_agent(join)
                link.send(Joined())
                self._agents[join.rank] = RemoteAgent(link, self._notify)
                self._changed.notify_all()
        except WanStreamerError as error:
            self._log.warning("refused at the rendezvous", rank=join.rank, address=address, cause=str(error))
            link.send(Refused(why=str(error)))
            link.close()
            return
        self._log.info("rank joined", rank=join.rank, address=address)

    def _check_agent(self, join: Join) -> None:
        self._check_leaving()
        if join.rank_count != self._rank_count:
            raise PeerUnavailable(f"got a rank of {join.rank_count}, expected one of {self._rank_count} (--ranks)")
        if not 0 < join.rank < self._rank_count:
            raise PeerUnavailable(f"got rank {join.rank}, expected 1 to {self._rank_count - 1}")
        if self._agent(join.rank) is not None:
            raise PeerUnavailable(f"got rank {join.rank} twice: the other one is here and answers")

    def _take_rank(self, link: Link, serve: Serve) -> None:
        with self._changed:
            place = (serve.epoch, serve.rank)
            if place in self._links and self._links[place] is None:
                self._links[place] = link
                self._changed.notify_all()
            else:
                link.close()
