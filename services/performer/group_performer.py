"""A performer whose work ranks in other processes do."""

import itertools
from contextlib import suppress
from dataclasses import dataclass, field

import torch

from services.performer.commands import Append, Close, Commit, Committed, Open, Reserve, Solve, Solved
from services.performer.epoch import Epoch
from services.performer.supervisor import Supervisor
from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.engine.number_type import to_array
from wan_streamer.engine.slice_check import check_slice
from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.errors import PlacementLost


@dataclass
class GroupSession:
    """A conversation on the ranks of one epoch, where it has a number.

    Attributes:
        committed: what each rank said of the last unit.
    """

    epoch: Epoch
    number: int
    last_unit_index: int = -1
    committed: list[Committed] = field(default_factory=list)


class GroupPerformer:
    """As `Performer`; each may raise PlacementLost (EPOCH): the session's epoch is over.

    Args:
        supervisor: keeps the ranks.
        rank_count: how many there are.
    """

    def __init__(self, supervisor: Supervisor, rank_count: int) -> None:
        self._supervisor = supervisor
        self.config = supervisor.ready.config
        self._heads = HeadSplit.of(self.config.backbone, rank_count)
        self._numbers = itertools.count()
        self._places = 0
        self._reserved_in: Epoch | None = None

    @property
    def kv_head_count(self) -> int:
        """Key-value heads of a slice: all of the model's."""
        return self.config.backbone.kv_head_count

    @property
    def dtype(self) -> torch.dtype:
        """Numbers of a slice."""
        return self._supervisor.ready.dtype

    def reserve(self, count: int) -> int:
        """Every rank makes memory for so many sessions, now and in each epoch to come when its first session opens."""
        self._places = count
        self._reserve_in(self._supervisor.epoch())
        return count

    def open(self, seed: int) -> GroupSession:
        """A conversation before its first unit; every rank allocates its part of the memory."""
        session = GroupSession(self._supervisor.epoch(), next(self._numbers))
        if self._reserved_in is not session.epoch:
            self._reserve_in(session.epoch)
        session.epoch.tell(Open(session=session.number, seed=seed))
        return session

    def append(self, session: GroupSession, kv_slice: KvSlice) -> None:
        """Sends each rank its heads of a slice.

        Raises:
            InvalidInput: as `Performer.append`; no rank has seen the slice.
        """
        check_slice(kv_slice, self.config, session.last_unit_index, dtype=self.dtype)
        session.epoch.tell(*(self._part(session, kv_slice, rank) for rank in range(self._heads.rank_count)))
        session.last_unit_index = kv_slice.unit_index

    def solve(self, session: GroupSession, unit_index: int) -> Latents:
        """As `Performer.solve`."""
        solved = session.epoch.ask(Solve(session=session.number, unit_index=unit_index))
        assert isinstance(solved, Solved)
        audio, video = torch.from_numpy(solved.audio), torch.from_numpy(solved.video)
        return Latents(unit_index=unit_index, audio=audio, video=video)

    def commit(self, session: GroupSession, latents: Latents) -> None:
        """The clean pass over the latents that `solve` returned last; the ranks have kept them."""
        answers = session.epoch.ask_all(Commit(session=session.number))
        session.committed = [answer for answer in answers if isinstance(answer, Committed)]

    def close(self, session: GroupSession) -> None:
        """Frees a conversation's memory on the ranks."""
        # Of an epoch that is over nothing is left.
        with suppress(PlacementLost):
            session.epoch.tell(Close(session=session.number))

    def _reserve_in(self, epoch: Epoch) -> None:
        epoch.tell(Reserve(count=self._places))
        self._reserved_in = epoch

    def _part(self, session: GroupSession, kv_slice: KvSlice, rank: int) -> Append:
        own = kv_slice.keys_values[:, :, self._heads.kv_slice(rank)]
        return Append(
            session=session.number,
            unit_index=kv_slice.unit_index,
            keys_values=to_array(own),
            text_token_count=kv_slice.text_token_count,
        )
