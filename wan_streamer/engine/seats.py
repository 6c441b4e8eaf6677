"""Memory of sessions: made ahead, with its passes recorded, because recording takes longer than a unit."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import torch

from wan_streamer.errors import InvalidInput


class Seat(Protocol):
    """What a session sits on."""

    def clear(self) -> None:
        """Forgets the session."""


S = TypeVar("S", bound=Seat)


class Seats(Generic[S]):
    """Free seats. A session takes one and gives it back; one that finds none waits until one is made."""

    def __init__(self, make: Callable[[], S]) -> None:
        self._make = make
        self._free: list[S] = []

    def reserve(self, count: int) -> int:
        """Makes seats until so many are free, or the device's memory is full.

        Returns:
            How many are free.

        Raises:
            InvalidInput: MEMORY, there is no room for one.
        """
        while len(self._free) < count:
            try:
                self._free.append(self._make())
            except torch.OutOfMemoryError:
                # Encoders and decoders need room while they run: the last one is given up for them.
                del self._free[-1:]
                break
        if not self._free:
            raise InvalidInput(
                "got a model whose weights and one session do not fit into the device's memory; expected room for one: "
                "take a smaller preset, --dtype bfloat16 or a larger GPU",
                reason="MEMORY",
            )
        return len(self._free)

    def take(self) -> S:
        """A free seat, or a new one."""
        return self._free.pop() if self._free else self._make()

    def give_back(self, seat: S) -> None:
        """The seat's session is over; nothing of it stays."""
        # Given back twice, it would seat two sessions.
        assert all(seat is not free for free in self._free)
        seat.clear()
        self._free.append(seat)
