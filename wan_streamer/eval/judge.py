"""What every judge is: a name, what it measures, and whether it can run here."""

from dataclasses import dataclass
from typing import Protocol

from wan_streamer.errors import InvalidInput


@dataclass(frozen=True)
class Available:
    """The judge can run."""


@dataclass(frozen=True)
class Unavailable:
    """The judge cannot run; `reason` says why and what to do about it."""

    reason: str


Availability = Available | Unavailable


class Judge(Protocol):
    """A judge is cheap to make; it loads its model when it is first asked something."""

    @property
    def name(self) -> str:
        """One or two words."""

    @property
    def measures(self) -> str:
        """What its numbers are, in a sentence."""

    def availability(self) -> Availability:
        """Whether it can run here; never loads a model."""


def require(judge: Judge) -> None:
    """Lets nothing pass silently.

    Raises:
        InvalidInput: UNAVAILABLE, the judge cannot run.
    """
    found = judge.availability()
    if isinstance(found, Unavailable):
        raise InvalidInput(f"got no {judge.name} judge: {found.reason}", reason="UNAVAILABLE")
