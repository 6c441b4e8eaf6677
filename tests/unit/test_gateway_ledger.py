"""The ledger: whatever happens, every index leaves once, in order."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.ledger import MAX_QUEUED_UNITS, MAX_SENT_UNITS, LedgerUnit, State, UnitLedger
from wan_streamer.telemetry.flight import FlightRecorder
from wan_streamer.telemetry.traces import Tracing, configure_tracing
from wan_streamer.v1 import unit_pb2

Reason = unit_pb2.SkipReason


@pytest.fixture(scope="module")
def tracing() -> Tracing:
    return configure_tracing("gateway")


def make_unit(tracing: Tracing, unit_index: int) -> LedgerUnit:
    flight = FlightRecorder(tracing).begin_root("s", unit_index, 1, 0, "")
    header = unit_pb2.UnitHeader(unit_index=unit_index)
    return LedgerUnit(
        user_unit=unit_pb2.UserUnit(header=header),
        header=header,
        loss=unit_pb2.MediaLoss(),
        flight=flight,
        cut_unix_ns=0,
    )


def send_one(ledger: UnitLedger) -> LedgerUnit | None:
    unit = ledger.next_to_send()
    if unit is not None:
        ledger.mark_sent(unit, 0.0)
    return unit


def take_all(ledger: UnitLedger) -> list[LedgerUnit]:
    units = []
    while ledger.can_take():
        units.append(ledger.take())
    return units


@given(is_live=st.booleans(), credit=st.integers(1, 16), first=st.integers(0, 50), seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_every_index_leaves_once_in_order(tracing: Tracing, is_live: bool, credit: int, first: int, seed: int) -> None:
    """Under any order of cuts, answers, failures, playouts and interruptions each cut index leaves exactly once, in
    order, never beyond the credit with media, with bounded queues, and at media pace never for want of room."""
    chance = random.Random(seed)
    ledger = UnitLedger(is_live=is_live, credit_units=credit, first_unit_index=first)
    next_index, played, out = first, first - 1, []

    def cut() -> None:
        nonlocal next_index
        if ledger.has_room:
            ledger.add(make_unit(tracing, next_index))
            next_index += 1

    def answer() -> None:
        sent = [unit for unit in ledger._units.values() if unit.state is State.SENT]
        if sent:
            unit = chance.choice(sent)
            if chance.random() < 0.2:
                ledger.skip(unit, Reason.SKIP_REASON_ENGINE_FAULT)
            else:
                ledger.resolve(unit, unit_pb2.AgentUnit())

    def take() -> None:
        if ledger.can_take():
            unit = ledger.take()
            out.append(unit)
            assert unit.state is State.SKIPPED or unit.header.unit_index <= played + credit

    def play() -> None:
        nonlocal played
        if out:
            played = max(chance.choice([out[-1].header.unit_index, played]), 0)
            assert ledger.played(played)
        assert not ledger.played(next_index + 1)

    steps = [cut, cut, lambda: send_one(ledger), lambda: send_one(ledger), answer, answer, take, take, play]
    for _ in range(200):
        chance.choice([*steps, ledger.interrupt] if chance.random() < 0.1 else steps)()
        states = [unit.state for unit in ledger._units.values()]
        assert states.count(State.SENT) <= MAX_SENT_UNITS
        if is_live:
            assert max(states.count(State.QUEUED), states.count(State.READY)) <= MAX_QUEUED_UNITS
        else:
            assert len(states) <= MAX_SENT_UNITS
    ledger.close()
    ledger.release_credit()
    ledger.give_up_sent()
    while send_one(ledger):
        ledger.give_up_sent()
    out += take_all(ledger)
    assert ledger.is_done
    assert [unit.header.unit_index for unit in out] == list(range(first, next_index))
    if not is_live:
        reasons = {unit.skip_reason for unit in out}
        assert not reasons & {Reason.SKIP_REASON_OVERLOADED, Reason.SKIP_REASON_CLIENT_STALLED}


def test_what_waits_for_the_thinker_drops_its_oldest(tracing: Tracing) -> None:
    """Live, the fourth waiting unit costs the first; what was dropped frees its media at once."""
    ledger = UnitLedger(is_live=True, credit_units=3, first_unit_index=0)
    units = [make_unit(tracing, k) for k in range(5)]
    for unit in units:
        ledger.add(unit)
    assert [unit.state for unit in units] == [State.SKIPPED] * 2 + [State.QUEUED] * 3
    assert {unit.skip_reason for unit in units[:2]} == {Reason.SKIP_REASON_OVERLOADED}
    assert units[0].user_unit is None
    assert take_all(ledger) == units[:2]


def test_cutting_short_leaves_nothing_behind(tracing: Tracing) -> None:
    """When a session is cut short all its units leave as DETACHED and later answers and cuts are ignored."""
    ledger = UnitLedger(is_live=True, credit_units=1, first_unit_index=0)
    units = [make_unit(tracing, k) for k in range(3)]
    for unit in units:
        ledger.add(unit)
    sent = send_one(ledger)
    assert sent is not None
    ledger.cut_short()
    ledger.resolve(sent, unit_pb2.AgentUnit())
    ledger.add(make_unit(tracing, 3))
    assert take_all(ledger) == units
    assert {unit.skip_reason for unit in units} == {Reason.SKIP_REASON_DETACHED}
    assert ledger.is_done
