"""What the gateway measures of a session for the service level objectives, beyond the outcome of each unit."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from wan_streamer.telemetry.metrics import ServiceMetrics
from wan_streamer.telemetry.traceparent import parse_traceparent
from wan_streamer.unit import UNIT_MS
from wan_streamer.v1 import unit_pb2

UNITS_A_MINUTE: Final = 60_000 // UNIT_MS
# A good minute misses fewer units than one notices: 1.2 s in pieces.
MAX_MISSED_SHARE: Final = 0.02
# Skipped for want of room or by a fault. The other reasons are the client's doing.
OUR_SKIPS: Final = frozenset({unit_pb2.SKIP_REASON_OVERLOADED, unit_pb2.SKIP_REASON_ENGINE_FAULT})
# More than a client can have credit for.
MAX_UNPLAYED_UNITS: Final = 64


class ServiceLevels:
    """Of one attachment: its minutes, good or bad, and when the client says that it plays a unit."""

    def __init__(self, metrics: ServiceMetrics, performer_group: str) -> None:
        self._metrics = metrics
        self._group = performer_group
        self._unit_count = 0
        self._missed_count = 0
        self._unplayed: OrderedDict[int, unit_pb2.UnitHeader] = OrderedDict()

    def emitted(self, unit: unit_pb2.AgentUnit) -> None:
        """A unit goes to the client."""
        if unit.outcome != unit_pb2.UNIT_OUTCOME_SKIPPED:
            self._unplayed[unit.header.unit_index] = unit.header
            if len(self._unplayed) > MAX_UNPLAYED_UNITS:
                self._unplayed.popitem(last=False)
        self._unit_count += 1
        self._missed_count += unit.outcome == unit_pb2.UNIT_OUTCOME_LATE or unit.skip_reason in OUR_SKIPS
        if self._unit_count == UNITS_A_MINUTE:
            is_good = self._missed_count <= MAX_MISSED_SHARE * UNITS_A_MINUTE
            self._metrics.count_session_minute(self._group, is_good=is_good)
            self._unit_count = self._missed_count = 0

    def played(self, unit_index: int, now_unix_us: int) -> None:
        """The client reports that it plays a unit: one way of the network is in this latency, not hidden from it."""
        header = self._unplayed.get(unit_index)
        for index in [index for index in self._unplayed if index <= unit_index]:
            del self._unplayed[index]
        if header is None:
            return
        trace = parse_traceparent(header.traceparent)
        latency_s = (now_unix_us - header.capture_time_unix_us) / 1e6
        self._metrics.observe_latency("capture_to_playout", latency_s, self._group, trace.trace_id if trace else 0)
