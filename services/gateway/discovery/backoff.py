"""How long to wait before the next attempt."""

from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.2
MOST_S: Final = 30.0


class Backoff:
    """Twice as long each time, up to `most_s`, less a random part of up to a half: gateways must not ask in step.

    Args:
        draw: random numbers from 0 to 1.
    """

    def __init__(self, draw: Callable[[], float], *, first_s: float = FIRST_S, most_s: float = MOST_S) -> None:
        self._draw = draw
        self._first_s = first_s
        self._most_s = most_s
        self._whole_s = first_s

    def next_s(self) -> float:
        """How long to wait now."""
        whole_s = self._whole_s
        self._whole_s = min(2 * whole_s, self._most_s)
        return whole_s * (1 - self._draw() / 2)

    def reset(self) -> None:
        """It worked: the next wait is short again."""
        self._whole_s = self._first_s
