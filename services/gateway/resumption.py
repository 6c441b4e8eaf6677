"""Which units an attachment begins with: those that the thinker still owes, and the first that will be cut."""

from dataclasses import dataclass
from typing import Final, Self

from services.gateway.thinker_link import Started
from wan_streamer.errors import InvalidInput

# What a client has and what the thinker has taken differ by what is on its way: by its credit and by as many rows of
# skipped units as the watchdog lets wait.
MAX_APART_UNITS: Final = 512


@dataclass(frozen=True, kw_only=True)
class Resumption:
    """Where an attachment takes the session up.

    Attributes:
        first_unit_index: the first that goes to the client.
        next_unit_index: the first that can be cut; what is between the two the thinker has taken, and answers.
    """

    first_unit_index: int
    next_unit_index: int

    @classmethod
    def of(cls, started: Started, last_received_unit_index: int | None) -> Self:
        """From what the thinker has taken and what the client has.

        Raises:
            InvalidInput: LAST_RECEIVED, the client cannot have this.
        """
        next_unit_index = started.next_unit_index
        if not started.is_resumed or last_received_unit_index is None:
            return cls(first_unit_index=next_unit_index, next_unit_index=next_unit_index)
        first = last_received_unit_index + 1
        if abs(first - next_unit_index) > MAX_APART_UNITS:
            raise InvalidInput(
                f"got last_received_unit_index {last_received_unit_index}, but {next_unit_index} units were taken so "
                "far; send the index of the last unit that came",
                reason="LAST_RECEIVED",
            )
        # The client may be ahead: rows of units that the thinker never got.
        return cls(first_unit_index=first, next_unit_index=max(first, next_unit_index))
