"""Every unit from its cut to its emission: each index leaves exactly once, in order, with an outcome.

    QUEUED --sent to the thinker--> SENT --answered--> READY --emitted--> gone
       |                             |                  |
       `--------- dropped -----------`---- SKIPPED -----'

Plain data, no clock and no I/O: the session's tasks change it and wait on its notifier.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from wan_streamer.rpc.notifier import Notifier
from wan_streamer.telemetry.flight import Flight
from wan_streamer.v1 import unit_pb2

# Design: queues of at most 3 units that drop the oldest and say so.
MAX_QUEUED_UNITS: Final = 3
# In flight at the thinker: enough to keep thinker and performer busy, few enough that no old unit hides in a buffer.
MAX_SENT_UNITS: Final = 4


class State(enum.Enum):
    """Where a unit is."""

    QUEUED = enum.auto()
    SENT = enum.auto()
    READY = enum.auto()
    SKIPPED = enum.auto()


@dataclass(kw_only=True, eq=False)
class LedgerUnit:
    """One unit on its way through the gateway."""

    user_unit: unit_pb2.UserUnit | None
    """Freed when it was sent or dropped."""
    header: unit_pb2.UnitHeader
    loss: unit_pb2.MediaLoss
    flight: Flight
    cut_unix_ns: int
    sent_loop_s: float = 0.0
    state: State = State.QUEUED
    skip_reason: unit_pb2.SkipReason.ValueType = unit_pb2.SKIP_REASON_UNSPECIFIED
    passed_over_reason: unit_pb2.SkipReason.ValueType = unit_pb2.SKIP_REASON_ENGINE_FAULT
    """Why it is skipped when the thinker answers a later unit first."""
    answer: unit_pb2.AgentUnit | None = None
    """Media, text and model latency; the emitter completes it."""


@dataclass(kw_only=True)
class UnitLedger:
    """The units of one attachment between cut and emission."""

    is_live: bool
    credit_units: int
    first_unit_index: int = 0
    output_epoch: int = 0
    changed: Notifier = field(default_factory=Notifier)
    _units: dict[int, LedgerUnit] = field(default_factory=dict)
    _played_unit_index: int = field(init=False)
    _emitted_unit_index: int = field(init=False)
    _needs_credit: bool = True
    _takes_more: bool = True

    def __post_init__(self) -> None:
        self._played_unit_index = self._emitted_unit_index = self.first_unit_index - 1

    def add(self, unit: LedgerUnit) -> None:
        """A unit was cut. Live: of more than 3 that wait for the thinker the oldest is skipped as OVERLOADED."""
        if not self._takes_more:  # cut short while this unit was being cut
            return
        self._units[unit.header.unit_index] = unit
        self._drop_oldest(State.QUEUED, unit_pb2.SKIP_REASON_OVERLOADED)
        self.changed.notify()

    def add_detached(self, unit: LedgerUnit) -> None:
        """A unit that this attachment does not cut: owed by the thinker (SENT) or known to be missing (SKIPPED)."""
        self._units[unit.header.unit_index] = unit
        self.changed.notify()

    def close(self) -> None:
        """No more units will be cut."""
        self._takes_more = False
        self.changed.notify()

    @property
    def has_room(self) -> bool:
        """Whether another unit may be cut. Live units are always cut: time does not wait."""
        return self.is_live or len(self._units) < MAX_SENT_UNITS

    @property
    def is_done(self) -> bool:
        """Whether everything was cut and emitted."""
        return not self._takes_more and not self._units

    @property
    def is_sent(self) -> bool:
        """Whether nothing will be sent to the thinker any more."""
        return not self._takes_more and not any(self._in(State.QUEUED))

    def next_to_send(self) -> LedgerUnit | None:
        """The oldest unit that waits for the thinker, if the thinker may have another one."""
        if sum(1 for _ in self._in(State.SENT)) >= MAX_SENT_UNITS:
            return None
        return next(self._in(State.QUEUED), None)

    def mark_sent(self, unit: LedgerUnit, now_loop_s: float) -> None:
        """The unit belongs to the thinker from now on."""
        unit.state, unit.user_unit, unit.sent_loop_s = State.SENT, None, now_loop_s
        self.changed.notify()

    def oldest_sent(self) -> LedgerUnit | None:
        """The unit whose answer the thinker owes for longest."""
        return next(self._in(State.SENT), None)

    def sent(self, unit_index: int) -> LedgerUnit | None:
        """The unit of this index if the thinker owes its answer."""
        unit = self._units.get(unit_index)
        return unit if unit is not None and unit.state is State.SENT else None

    def resolve(self, unit: LedgerUnit, answer: unit_pb2.AgentUnit) -> None:
        """The thinker's answer, encoded. Live: of more than 3 that wait for the client the oldest is skipped."""
        if unit.state is not State.SENT:  # cut short while the answer was being encoded
            return
        self.give_up_sent(before_unit_index=unit.header.unit_index)
        unit.state, unit.answer = State.READY, answer
        self._drop_oldest(State.READY, unit_pb2.SKIP_REASON_CLIENT_STALLED)
        self.changed.notify()

    def skip(self, unit: LedgerUnit, reason: unit_pb2.SkipReason.ValueType) -> None:
        """There will be no media for this unit."""
        if unit.state is State.SENT:
            self.give_up_sent(before_unit_index=unit.header.unit_index)
            self._skip(unit, reason)
            self.changed.notify()

    def give_up_sent(self, *, before_unit_index: int | None = None) -> None:
        """The thinker answers in order: what it passed over (or all, when it has left) has no answer."""
        for unit in list(self._in(State.SENT)):
            if before_unit_index is None or unit.header.unit_index < before_unit_index:
                self._skip(unit, unit.passed_over_reason)
        self.changed.notify()

    def interrupt(self) -> None:
        """Flushes what waits for the client; everything emitted from now on has a higher output epoch."""
        self.output_epoch += 1
        for unit in list(self._in(State.READY)):
            self._skip(unit, unit_pb2.SKIP_REASON_INTERRUPTED)
        self.changed.notify()

    def played(self, unit_index: int) -> bool:
        """The client plays this unit now. False: it was never emitted."""
        if unit_index > self._emitted_unit_index:
            return False
        self._played_unit_index = max(self._played_unit_index, unit_index)
        self.changed.notify()
        return True

    def release_credit(self) -> None:
        """The client can say nothing any more, so the rest goes without credit."""
        self._needs_credit = False
        self.changed.notify()

    @property
    def waits_for_client(self) -> bool:
        """Whether the next unit is ready and only lacks credit."""
        head = self._head()
        return head is not None and head.state is State.READY and not self._has_credit(head)

    @property
    def is_idle(self) -> bool:
        """Whether no unit is on its way."""
        return not self._units

    @property
    def unit_count(self) -> int:
        """How many units are on their way, skipped ones that wait for their turn included.

        Without those of the time when nobody was attached: they come all at once.
        """
        return sum(1 for unit in self._units.values() if unit.skip_reason != unit_pb2.SKIP_REASON_DETACHED)

    def can_take(self) -> bool:
        """Whether `take` gives a unit."""
        head = self._head()
        return head is not None and (
            head.state is State.SKIPPED or (head.state is State.READY and self._has_credit(head))
        )

    def take(self) -> LedgerUnit:
        """Removes the next unit in order, for emission; only when `can_take`."""
        assert self.can_take()
        unit = self._units.pop(next(iter(self._units)))
        self._emitted_unit_index = unit.header.unit_index
        self.changed.notify()
        return unit

    def cut_short(self) -> None:
        """The session ends now: what is not emitted yet is skipped."""
        for unit in self._units.values():
            if unit.state is not State.SKIPPED:
                self._skip(unit, unit_pb2.SKIP_REASON_DETACHED)
        self.close()

    def _head(self) -> LedgerUnit | None:
        return next(iter(self._units.values()), None)

    def _has_credit(self, unit: LedgerUnit) -> bool:
        return not self._needs_credit or unit.header.unit_index <= self._played_unit_index + self.credit_units

    def _in(self, state: State) -> Iterator[LedgerUnit]:
        return (unit for unit in self._units.values() if unit.state is state)

    def _drop_oldest(self, state: State, reason: unit_pb2.SkipReason.ValueType) -> None:
        if self.is_live:
            waiting = list(self._in(state))
            for unit in waiting[: max(0, len(waiting) - MAX_QUEUED_UNITS)]:
                self._skip(unit, reason)

    def _skip(self, unit: LedgerUnit, reason: unit_pb2.SkipReason.ValueType) -> None:
        unit.state, unit.skip_reason = State.SKIPPED, reason
        unit.user_unit = unit.answer = None
