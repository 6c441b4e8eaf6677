"""How long to wait before the next attempt."""

from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.2
MOST_S: Final = 30.0


class Backoff:
    """Twice as long each time, up to MOST_S, less a random part of up to a half: gateways must not ask in step.

    Args:
        draw: random numbers from 0 to 1.
    """

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._whole_s = FIRST_S

    def next_s(self) -> float:
        """How long to wait now."""
        whole_s = self._whole_s
        self._whole_s = min(2 * whole_s, MOST_S)
        return whole_s * (1 - self._draw() / 2)

    def reset(self) -> None:
        """It worked: the next wait is short again."""
        self._whole_s = FIRST_S
