"""A cut unit gets its header, its trace and its place in the ledger."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from services.gateway.ledger import LedgerUnit, State
from wan_streamer.media.cutter import CutUnit
from wan_streamer.rpc.tensors import to_proto
from wan_streamer.telemetry.flight import Flight, FlightRecorder
from wan_streamer.unit import UNIT_US
from wan_streamer.v1 import unit_pb2

_DETACHED: Final = unit_pb2.SKIP_REASON_DETACHED


@dataclass(frozen=True, kw_only=True)
class UnitMaker:
    """Makes the units of one attachment."""

    session_id: str
    generation: int
    performer_group: str
    epoch: int
    session_traceparent: str
    deadline_us: int
    recorder: FlightRecorder

    def __call__(
        self, cut: CutUnit, capture_start_unix_us: int, *, cut_start_unix_ns: int, cut_end_unix_ns: int
    ) -> LedgerUnit:
        """The unit as it goes to the thinker."""
        flight = self._flight(cut.unit_index, capture_start_unix_us)
        flight.add_stage("fill", capture_start_unix_us * 1000, cut_start_unix_ns)
        flight.add_stage("cut", cut_start_unix_ns, cut_end_unix_ns)
        header = self._header(cut.unit_index, capture_start_unix_us, flight)
        loss = unit_pb2.MediaLoss(
            audio_lost=cut.lost_audio_sample_count > 0,
            video_lost=cut.video_lost,
            lost_audio_sample_count=cut.lost_audio_sample_count,
        )
        return LedgerUnit(
            user_unit=unit_pb2.UserUnit(header=header, audio=to_proto(cut.audio), video=to_proto(cut.video), loss=loss),
            header=header,
            loss=loss,
            flight=flight,
            cut_unix_ns=cut_end_unix_ns,
        )

    def detached(self, unit_index: int, capture_start_unix_us: int, state: State) -> LedgerUnit:
        """A unit that this attachment does not cut: owed by the thinker (SENT) or known to be missing (SKIPPED)."""
        flight = self._flight(unit_index, capture_start_unix_us)
        return LedgerUnit(
            user_unit=None,
            header=self._header(unit_index, capture_start_unix_us, flight),
            loss=unit_pb2.MediaLoss(),
            flight=flight,
            cut_unix_ns=time.time_ns(),
            sent_loop_s=asyncio.get_running_loop().time(),
            state=state,
            skip_reason=_DETACHED if state is State.SKIPPED else unit_pb2.SKIP_REASON_UNSPECIFIED,
            passed_over_reason=_DETACHED,
        )

    def _flight(self, unit_index: int, capture_start_unix_us: int) -> Flight:
        flight = self.recorder.begin_root(
            self.session_id,
            unit_index,
            self.generation,
            capture_start_unix_us,
            self.session_traceparent,
            epoch=self.epoch,
        )
        flight.attributes["performer_group"] = self.performer_group
        return flight

    def _header(self, unit_index: int, capture_start_unix_us: int, flight: Flight) -> unit_pb2.UnitHeader:
        return unit_pb2.UnitHeader(
            session_id=self.session_id,
            generation=self.generation,
            epoch=self.epoch,
            unit_index=unit_index,
            capture_time_unix_us=capture_start_unix_us,
            deadline_unix_us=capture_start_unix_us + UNIT_US + self.deadline_us,
            traceparent=flight.traceparent,
        )
