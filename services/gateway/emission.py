"""The last step of a unit: to the client, with its outcome."""

from services.gateway.clock import unix_us
from services.gateway.ledger import LedgerUnit, State, UnitLedger
from services.gateway.outbox import Outbox
from services.gateway.service_levels import ServiceLevels
from wan_streamer.v1 import session_pb2, unit_pb2


class Emitter:
    """Sends the ledger's units in order as soon as they are ready and the client gave credit; one task."""

    def __init__(self, *, ledger: UnitLedger, outbox: Outbox, levels: ServiceLevels) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._levels = levels
        self.emitted_unit_count = 0

    async def run(self) -> None:
        """Emits until everything that was cut is emitted, then says so."""
        ledger = self._ledger
        while True:
            await ledger.changed.until(lambda: ledger.can_take() or ledger.is_done)
            if ledger.is_done:
                break
            await self._emit(ledger.take())
        ended = session_pb2.Ended(unit_count=ledger.first_unit_index + self.emitted_unit_count)
        await self._outbox.send(session_pb2.ConnectResponse(ended=ended))

    def abandon(self) -> None:
        """The client is gone: ends the traces of what it did not get."""
        self._ledger.cut_short()
        while self._ledger.can_take():
            unit = self._ledger.take()
            now_unix_us = unix_us()
            end_flight(unit, self._message(unit, now_unix_us), now_unix_us)

    async def _emit(self, unit: LedgerUnit) -> None:
        emitted_unix_us = unix_us()
        message = self._message(unit, emitted_unix_us)
        self.emitted_unit_count += 1
        end_flight(unit, message, emitted_unix_us)
        self._levels.emitted(message)
        await self._outbox.send(session_pb2.ConnectResponse(unit=message))

    def _message(self, unit: LedgerUnit, emitted_unix_us: int) -> unit_pb2.AgentUnit:
        if unit.state is State.READY and unit.answer is not None:
            message = unit.answer
            is_late = emitted_unix_us > unit.header.deadline_unix_us
            message.outcome = unit_pb2.UNIT_OUTCOME_LATE if is_late else unit_pb2.UNIT_OUTCOME_ON_TIME
        else:
            message = unit_pb2.AgentUnit(outcome=unit_pb2.UNIT_OUTCOME_SKIPPED, skip_reason=unit.skip_reason)
        message.header.CopyFrom(unit.header)
        message.user_media_loss.CopyFrom(unit.loss)
        message.output_epoch = self._ledger.output_epoch
        message.emitted_time_unix_us = emitted_unix_us
        return message


def end_flight(unit: LedgerUnit, message: unit_pb2.AgentUnit, emitted_unix_us: int) -> None:
    """Closes the unit's trace and counts it."""
    attributes: dict[str, str | bool | int | float] = {
        "audio_lost": unit.loss.audio_lost,
        "video_lost": unit.loss.video_lost,
        "lost_audio_sample_count": unit.loss.lost_audio_sample_count,
        "output_epoch": message.output_epoch,
    }
    if message.outcome == unit_pb2.UNIT_OUTCOME_SKIPPED:
        attributes["skip_reason"] = unit_pb2.SkipReason.Name(message.skip_reason).removeprefix("SKIP_REASON_")
    else:
        attributes["model_latency_ms"] = message.model_latency_us / 1e3
        attributes["capture_to_emission_ms"] = (emitted_unix_us - unit.header.capture_time_unix_us) / 1e3
    unit.flight.end(unit_pb2.UnitOutcome.Name(message.outcome).removeprefix("UNIT_OUTCOME_"), **attributes)
