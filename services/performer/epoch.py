"""One incarnation of a performer group: the processes of its ranks, from their start to their common end."""

import time
from contextlib import suppress
from multiprocessing import connection
from threading import Event
from typing import Final, Self

from torch import distributed

from services.performer.commands import Answer, Command, Ready
from services.performer.rank import LOOK_INTERVAL_S, RankProcess, Start
from wan_streamer.errors import EngineFault, PeerUnavailable, PlacementLost, WanStreamerError

FORM_LIMIT_S: Final = 600.0
# No unit takes so long: who does not answer hangs.
ANSWER_LIMIT_S: Final = 20.0


class Epoch:
    """Ranks that live and die together. What fails in one of them ends all: nothing of a torn unit is left.

    Two threads use it: one tells and asks, another one watches and kills.
    """

    def __init__(self, start: Start) -> None:
        """Starts the ranks; `wait_ready` comes next."""
        self.number = time.time_ns() // 1000
        # Where the ranks find each other; torch's lists of names lack it.
        self._store = distributed.TCPStore(  # type: ignore[attr-defined]
            "127.0.0.1", 0, is_master=True, wait_for_workers=False
        )
        self._ranks = start(self.number, self._store.port)
        self._links = [rank.link for rank in self._ranks]

    @classmethod
    def form(cls, start: Start) -> tuple[Self, Ready]:
        """A new epoch whose ranks are warm, and what they run. Nothing is left behind when it fails.

        Raises:
            InvalidInput: what the ranks were configured with.
            EngineFault: they run different models, or one of them ended.
            PeerUnavailable: they were not ready in time.
        """
        epoch = cls(start)
        try:
            ready = epoch.wait_ready()
        except BaseException:
            epoch.kill()
            raise
        return epoch, ready

    @property
    def process_ids(self) -> list[int]:
        """By rank, of those that run on this host."""
        return [rank.process_id for rank in self._ranks if isinstance(rank, RankProcess)]

    def wait_ready(self) -> Ready:
        """Waits until all ranks are; raises as `form`."""
        end_s = time.monotonic() + FORM_LIMIT_S
        answers: dict[int, Ready] = {}
        while len(answers) < len(self._links):
            waiting = [link for rank, link in enumerate(self._links) if rank not in answers]
            for link in connection.wait(waiting, LOOK_INTERVAL_S):
                rank = self._links.index(link)  # type: ignore[arg-type]
                answers[rank] = self._ready_of(rank)
            if (cause := self.failure()) is not None:
                raise EngineFault(f"the performer group could not form: {cause}")
            if time.monotonic() > end_s:
                raise PeerUnavailable(f"the performer group did not form in {FORM_LIMIT_S:.0f} s")
        if len({(answer.fingerprint, answer.dtype) for answer in answers.values()}) > 1:
            raise EngineFault("the ranks of the performer group loaded different weights or numbers")
        for each in self._ranks:
            each.begin()
        return answers[0]

    def watch(self, leaving: Event) -> str | None:
        """Returns why this epoch cannot go on, within 0.2 s of the cause; None when `leaving` is set."""
        ends = [rank.end for rank in self._ranks if rank.end is not None]
        while not leaving.is_set():
            connection.wait(ends, LOOK_INTERVAL_S)
            if (cause := self.failure()) is not None:
                return cause
        return None

    def failure(self) -> str | None:
        """Which ranks have ended or are stopped, in words."""
        causes = [(rank, each.failure()) for rank, each in enumerate(self._ranks)]
        return ", ".join(f"rank {rank} {cause}" for rank, cause in causes if cause is not None) or None

    def kill(self) -> None:
        """Ends all ranks now, stopped ones too; who waits for an answer gets PlacementLost."""
        for rank in self._ranks:
            rank.kill()

    def join(self) -> None:
        """Waits until the killed ranks are gone."""
        for rank in self._ranks:
            rank.join()

    def tell(self, *commands: Command) -> None:
        """Sends each rank its command, or the same one to all.

        Raises:
            PlacementLost: EPOCH, the epoch is over.
        """
        try:
            for rank, link in enumerate(self._links):
                link.send(commands[rank % len(commands)])
        except OSError as error:
            raise self._over() from error

    def ask(self, command: Command) -> Answer:
        """As `tell`, and what rank 0 answers.

        Raises:
            PlacementLost: EPOCH, the epoch is over.
        """
        self.tell(command)
        return self._answer_of(0)

    def ask_all(self, command: Command) -> list[Answer]:
        """As `ask`, and what every rank answers."""
        self.tell(command)
        return [self._answer_of(rank) for rank in range(len(self._links))]

    def _answer_of(self, rank: int) -> Answer:
        link = self._links[rank]
        try:
            if not link.poll(ANSWER_LIMIT_S):
                self.kill()
            answer: Answer = link.recv()
        except (EOFError, OSError) as error:
            raise self._over() from error
        return answer

    def _ready_of(self, rank: int) -> Ready:
        message: Ready | WanStreamerError | None = None
        with suppress(EOFError, OSError):
            message = self._links[rank].recv()
        if isinstance(message, WanStreamerError):
            raise message
        if message is None:
            raise EngineFault(f"the performer group could not form: rank {rank} ended; the log says why")
        return message

    def _over(self) -> PlacementLost:
        return PlacementLost(epoch_over(self.number), reason="EPOCH")


def epoch_over(epoch: int) -> str:
    """What a session of a performer group that is gone is told."""
    return f"epoch {epoch} of the performer group is over and the session's state is gone; create a new session"
