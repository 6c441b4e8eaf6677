"""The line between rank 0's service and the agent of another rank: what goes over it, and who has fallen silent."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Final, TypeAlias

from services.performer.wire import Link, cut

BEAT_INTERVAL_S: Final = 0.5
# A host that is gone closes nothing. Neither end computes, so beats are missed by who stands still.
SILENCE_LIMIT_S: Final = 3.0


@dataclass(frozen=True, kw_only=True)
class Join:
    """An agent's first message; answered with `Joined` or `Refused`."""

    rank: int
    rank_count: int


@dataclass(frozen=True, kw_only=True)
class Joined:
    """The agent is one of the group."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The agent is not, and why."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Serve:
    """The first message of a rank's own process, on the connection that brings its commands."""

    epoch: int
    rank: int


@dataclass(frozen=True, kw_only=True)
class Form:
    """To the agent: start the rank of a new epoch; an earlier one ends first. The ranks' store is at rank 0's host."""

    epoch: int
    store_port: int


@dataclass(frozen=True, kw_only=True)
class Begun:
    """To the agent: all ranks of the epoch are ready."""

    epoch: int


@dataclass(frozen=True, kw_only=True)
class End:
    """To the agent: kill the rank of this epoch."""

    epoch: int


@dataclass(frozen=True, kw_only=True)
class Ended:
    """To rank 0: the rank of this epoch has ended or was stopped."""

    epoch: int
    cause: str


@dataclass(frozen=True, kw_only=True)
class Beat:
    """Both ways, twice a second."""


Message: TypeAlias = Form | Begun | End | Ended | Beat


class Line:
    """One end.

    Args:
        link: is this line's from now on.
        on_message: called by the line's thread with every message but beats; with None, once, when the line is lost.
    """

    def __init__(self, link: Link, on_message: Callable[[Message | None], None]) -> None:
        self._link = link
        self._on_message = on_message
        self._turn = Lock()
        Thread(target=self._run, name="line", daemon=True).start()

    def send(self, message: Message) -> None:
        """Sends a message; where the line is lost, nothing."""
        try:
            with self._turn:
                self._link.send(message)
        except OSError:
            self.cut()

    def cut(self) -> None:
        """Ends the line."""
        cut(self._link)

    def _run(self) -> None:
        try:
            self._talk()
        except (EOFError, OSError):
            pass
        finally:
            self.cut()
            with self._turn:
                self._link.close()
            self._on_message(None)

    def _talk(self) -> None:
        heard_s = time.monotonic()
        beat_s = heard_s
        while (now_s := time.monotonic()) - heard_s < SILENCE_LIMIT_S:
            if now_s >= beat_s:
                self.send(Beat())
                beat_s = now_s + BEAT_INTERVAL_S
            if self._link.poll(max(0.0, beat_s - now_s)):
                message = self._link.recv()
                heard_s = time.monotonic()
                if not isinstance(message, Beat):
                    self._on_message(message)
