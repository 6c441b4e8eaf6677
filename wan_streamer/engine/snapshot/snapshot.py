"""What one process knows of a session between two calls of the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from wan_streamer.engine.kv_state import KvState, merge_heads, take_heads
from wan_streamer.engine.order import Process
from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import ModelConfig


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One process's part of a session: the thinker's, or that of a rank of the performer.

    Attributes:
        unit_index: the last unit that the process began; -1 before the first.
        origin: what the caller says of where it was taken (session, generation, epoch, group ...); kept as it is.
        seed: of the session's noise, which with the unit's index is all of its random state. Performer.
        words: text tokens of the units that are not decoded. Thinker.
        open_units: those thought of whose latents are not committed. Thinker.
        text_pending: the beginning of a character that the next words complete. Thinker.
        streams: past inputs of each causal layer of encoders and codecs, by the layer's name. Thinker.
    """

    process: Process
    fingerprint: str
    config: ModelConfig
    unit_index: int
    kv: KvState
    origin: Mapping[str, str | int] = field(default_factory=dict)
    seed: int | None = None
    words: Mapping[int, Sequence[int]] = field(default_factory=dict)
    open_units: Sequence[int] = ()
    text_pending: bytes = b""
    streams: Mapping[str, Tensor] = field(default_factory=dict)


def take_rank(snapshot: Snapshot, heads: Sequence[int]) -> Snapshot:
    """What a rank that keeps these key-value heads needs of a performer's snapshot; nothing is copied.

    Raises:
        InvalidInput: SNAPSHOT_HEADS, one of them is not there.
    """
    return replace(snapshot, kv=take_heads(snapshot.kv, heads))


def merge_ranks(snapshots: Sequence[Snapshot]) -> Snapshot:
    """The snapshots of the ranks of a performer as that of one rank, of which `take_rank` cuts any other group.

    Raises:
        InvalidInput: SNAPSHOT_APART, they are of different sessions or units.
    """
    first = snapshots[0]
    for rank, snapshot in enumerate(snapshots):
        if _subject(snapshot) != _subject(first):
            raise InvalidInput(
                f"got rank {rank} with {_subject(snapshot)} and rank 0 with {_subject(first)}, expected the same; "
                "take the snapshots of all ranks of one session between the same two units",
                reason="SNAPSHOT_APART",
            )
    return replace(first, kv=merge_heads([snapshot.kv for snapshot in snapshots]))


def check_together(thinker: Snapshot, performer: Snapshot) -> None:
    """Raises unless both processes can go on from here: same model, both at rest after the same unit.

    Raises:
        InvalidInput: SNAPSHOT_APART, a unit was on its way between them, or they are of different models.
    """
    waits_for = sorted({*thinker.words, *thinker.open_units})
    if thinker.fingerprint != performer.fingerprint or thinker.unit_index != performer.unit_index or waits_for:
        raise InvalidInput(
            f"got a thinker of model {thinker.fingerprint} after unit {thinker.unit_index} that waits for latents of "
            f"{waits_for}, and a performer of model {performer.fingerprint} after unit "
            f"{performer.unit_index}, expected one model and both at rest after one unit; take both when the thinker "
            "has decoded and committed the latents of its last unit",
            reason="SNAPSHOT_APART",
        )


def _subject(snapshot: Snapshot) -> tuple[str, str, int, int | None]:
    return snapshot.process, snapshot.fingerprint, snapshot.unit_index, snapshot.seed
