"""What a key-value cache holds, head by head, so that any group of ranks can take its heads of it.

Shape letters: L layers, N slots, Z slots of the sink, S head size.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from wan_streamer.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class KvState:
    """All of a cache that later passes depend on.

    Heads are numbered as the model numbers its key-value heads, wherever they are kept.

    Attributes:
        keys_values: by head, [L, 2, N, S].
        sink_keys: by head, the sink's keys before they were turned on, [L, Z, S].
        units_N: unit that stands in each slot, int64.
        committed_units: of each kind, how many units its ring has taken.
        sink_shift_units: how far the sink was turned on.
    """

    keys_values: Mapping[int, Tensor]
    sink_keys: Mapping[int, Tensor]
    units_N: Tensor
    committed_units: tuple[int, ...]
    sink_shift_units: int

    @property
    def heads(self) -> tuple[int, ...]:
        """Which heads are here, in order."""
        return tuple(sorted(self.keys_values))


def take_heads(state: KvState, heads: Iterable[int]) -> KvState:
    """The part of a state that one rank keeps; nothing is copied.

    Raises:
        InvalidInput: SNAPSHOT_HEADS, one of them is not there.
    """
    wanted = tuple(heads)
    missing = sorted(set(wanted) - set(state.heads))
    if missing:
        raise InvalidInput(
            f"got key-value heads {list(state.heads)}, expected {missing} too; merge the snapshots of all ranks first",
            reason="SNAPSHOT_HEADS",
        )
    return replace(
        state,
        keys_values={head: state.keys_values[head] for head in wanted},
        sink_keys={head: state.sink_keys[head] for head in wanted},
    )


def merge_heads(states: Sequence[KvState]) -> KvState:
    """The states of the ranks of a group as one; heads that several ranks keep are taken from the first of them.

    Raises:
        InvalidInput: SNAPSHOT_APART, the ranks are not at the same point of the conversation.
    """
    first = states[0]
    for rank, state in enumerate(states):
        if _point(state) != _point(first) or not torch.equal(state.units_N, first.units_N):
            raise InvalidInput(
                f"got rank {rank} at another point of the conversation than rank 0 (committed units "
                f"{state.committed_units} and {first.committed_units}), expected one; take the snapshots of all ranks "
                "between the same two units",
                reason="SNAPSHOT_APART",
            )
    return replace(
        first,
        keys_values={head: part for state in reversed(states) for head, part in state.keys_values.items()},
        sink_keys={head: part for state in reversed(states) for head, part in state.sink_keys.items()},
    )


def _point(state: KvState) -> tuple[tuple[int, ...], int]:
    return state.committed_units, state.sink_shift_units
