"""Which text tokens a unit carries: words on the clock -> a few tokens for each unit."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.model.vocabulary import Vocabulary
from wan_streamer.unit import UNIT_US

# No token at this place of the unit.
NOTHING: Final = -1
# Words about visitors that are further apart belong to two questions, or two actions.
BETWEEN_UNITS: Final = 12


@dataclass(frozen=True, kw_only=True)
class TimedWord:
    """The tokens of a word and the earliest time at which they may be written."""

    from_us: int
    tokens: tuple[int, ...]


def tokens_of_units(
    words: Sequence[TimedWord], unit_count: int, *, max_tokens: int, vocabulary: Vocabulary
) -> NDArray[np.int32]:
    """Text tokens of each unit [unit_count, max_tokens]: LISTEN alone without words, END after the last of a few.

    Tokens that find no place in their unit move on to the next; what is left at the end is dropped.

    Args:
        words: in order of time.
    """
    placed = np.full((unit_count, max_tokens), NOTHING, np.int32)
    waiting: deque[int] = deque()
    coming = deque(words)
    for unit in range(unit_count):
        while coming and coming[0].from_us < (unit + 1) * UNIT_US:
            waiting.extend(coming.popleft().tokens)
        tokens = [waiting.popleft() for _ in range(min(max_tokens, len(waiting)))]
        if not tokens:
            tokens = [vocabulary.listen]
        elif len(tokens) < max_tokens:
            tokens.append(vocabulary.end)
        placed[unit, : len(tokens)] = tokens
    return placed


def stretches(words_UN: NDArray[Any]) -> NDArray[np.int64]:
    """First unit and the one after the last of what visitors say or do, [stretches, 2]."""
    # Where there is no word, LISTEN stands alone.
    units = np.flatnonzero(words_UN[:, 1] != NOTHING)
    first = np.diff(units, prepend=-BETWEEN_UNITS - 1) > BETWEEN_UNITS
    last = np.roll(first, -1)
    return np.stack([units[first], units[last] + 1], axis=1)
