"""Phases: when in the tick of 160 ms the units of each session are due, so that sessions do not meet on a GPU.

The tick is divided into as many equal phases as sessions are promised a place. A phase is longer than a unit's cost
(`USABLE_SHARE`), so that sessions which keep their phases do not wait for each other.
"""

from collections.abc import Collection, Iterable

from wan_streamer.unit import UNIT_MS, UNIT_US

# Share of a unit's time that sessions may fill: the rest is for the wire, jitter and what else the machine does.
USABLE_SHARE = 0.7


def session_capacity(unit_cost_ms: float) -> int:
    """How many sessions are promised a place where a unit costs so much, at least one."""
    return max(1, int(UNIT_MS * USABLE_SHARE / unit_cost_ms))


def free_phase_us(taken_us: Collection[int], place_count: int) -> int:
    """The phase for one more session: of the `place_count` equal ones the farthest from all that are taken.

    Args:
        taken_us: phases of the sessions that are there, 0 to `UNIT_US`.
    """
    return max(grid(place_count), key=lambda phase: min((distance_us(phase, other) for other in taken_us), default=0))


def grid(place_count: int) -> Iterable[int]:
    """The phases of a tick that is divided evenly."""
    return (place * UNIT_US // place_count for place in range(place_count))


def distance_us(a: int, b: int) -> int:
    """How far two phases are apart, the shorter way around the tick."""
    return min((a - b) % UNIT_US, (b - a) % UNIT_US)
