"""Which finished flights become traces."""

from collections import OrderedDict
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

ON_TIME = "ON_TIME"

# A session that ended never comes back for its held flight; the oldest goes when there are more than this.
_MAX_SESSION_COUNT = 1024
_TRACE_ID_RATIO_BITS = 64


class Sampling(StrEnum):
    """What is traced: `all` (one machine) or `late` (a cluster)."""

    ALL = "all"
    LATE = "late"


class FinishedUnit(Protocol):
    """What the decision needs to know of a flight."""

    session_id: str
    outcome: str

    @property
    def trace_id(self) -> int: ...


FlightT = TypeVar("FlightT", bound=FinishedUnit)


class Sampler(Protocol[FlightT]):
    """Decides when a flight ends."""

    def decide(self, flight: FlightT) -> list[FlightT]:
        """The flights, oldest first, that are now known to be worth a trace."""
        ...


class KeepAll(Generic[FlightT]):
    """Every flight."""

    def decide(self, flight: FlightT) -> list[FlightT]:
        """The flight itself."""
        return [flight]


class KeepLate(Generic[FlightT]):
    """Every flight that is not on time, the ones before and after it in its session, and a share of the others.

    The share is drawn by trace id, as OpenTelemetry's TraceIdRatioBased does, so that every process keeps the same
    units. For the rest each process decides from the outcomes that it saw: a unit that only the gateway knows to be
    late is kept there but not in the thinker and performer. Where whole traces of late units matter, use `all` and a
    collector that samples by tail. Neighbours are taken in the order in which flights end.
    """

    def __init__(self, ratio: float) -> None:
        if not 0 <= ratio <= 1:
            raise ValueError(f"got a sample ratio of {ratio}, expected 0 to 1; 0.01 keeps one unit in a hundred")
        self._bound = round(ratio * (1 << _TRACE_ID_RATIO_BITS))
        # session -> its last flight while undecided, and whether its last flight was not on time
        self._last: OrderedDict[str, tuple[FlightT | None, bool]] = OrderedDict()

    def decide(self, flight: FlightT) -> list[FlightT]:
        """The flight, if it is kept, and the one before, if this one is the reason to keep it."""
        held, follows_late = self._last.pop(flight.session_id, (None, False))
        late = flight.outcome != ON_TIME
        keep = late or follows_late or self._in_share(flight)
        self._last[flight.session_id] = (None if keep else flight, late)
        if len(self._last) > _MAX_SESSION_COUNT:
            self._last.popitem(last=False)
        if late and held is not None:
            return [held, flight]
        return [flight] if keep else []

    def _in_share(self, flight: FlightT) -> bool:
        return flight.trace_id & ((1 << _TRACE_ID_RATIO_BITS) - 1) < self._bound


def make_sampler(sampling: Sampling, ratio: float) -> Sampler[FlightT]:
    """The sampler that the setting names; `ratio` is the share of units on time that `late` keeps."""
    return KeepAll() if sampling is Sampling.ALL else KeepLate(ratio)
