"""Which slots of a cache each kind of token has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ring:
    """Slots of one kind after the sink: `units` places for `count` tokens each, from `start`."""

    start: int
    count: int
    units: int

    @property
    def end(self) -> int:
        return self.start + self.count * self.units


def rings_of(counts: tuple[int, ...], windows: list[int], start: int, lag: int) -> tuple[Ring, ...]:
    """The rings of all kinds, one behind the other.

    Args:
        counts: tokens of a unit, by kind.
        windows: how many units back each kind stays visible.
        start: where the first ring begins.
    """
    rings: list[Ring] = []
    for count, window in zip(counts, windows, strict=True):
        # Beyond the window: the unit that is staged, and those by which the state pass may run ahead of the latents.
        rings.append(Ring(rings[-1].end if rings else start, count, window + 1 + lag))
    return tuple(rings)
