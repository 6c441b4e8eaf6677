"""The newest answers of a session, for the stream that has it and for one that takes over."""

from collections import deque
from typing import Final

from wan_streamer.v1 import thinker_pb2

# What a gateway may have taken and its client not got: 16 units of credit, 3 that wait for it, 4 at the engines; 3.8 s.
KEPT_UNITS: Final = 24


class KeptUnits:
    """Agent units in order; of more than `KEPT_UNITS` the oldest is forgotten."""

    def __init__(self) -> None:
        self._units: deque[thinker_pb2.AgentUnitMedia] = deque(maxlen=KEPT_UNITS)

    def add(self, unit: thinker_pb2.AgentUnitMedia) -> None:
        """An answer; its index is above those before."""
        self._units.append(unit)

    def first_after(self, unit_index: int) -> thinker_pb2.AgentUnitMedia | None:
        """The oldest kept unit above an index."""
        return next((unit for unit in self._units if unit.header.unit_index > unit_index), None)
