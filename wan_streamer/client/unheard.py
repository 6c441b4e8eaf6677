"""What the gateway must hear again after a break, when nothing may be lost."""

from collections import deque
from typing import Final

from wan_streamer.unit import unit_start_us
from wan_streamer.v1.session_pb2 import ConnectRequest

# A chunk may be a second long, and what the filters and slow cameras of a unit need lies before it.
KEPT_BEFORE_US: Final = 2_000_000


class Unheard:
    """Sent media whose units have not come back (at media pace: live, what is over is over), and the end of input."""

    def __init__(self, *, keeps_media: bool) -> None:
        self._keeps_media = keeps_media
        self._media: deque[tuple[int, ConnectRequest]] = deque()
        self._end: ConnectRequest | None = None
        self._interruption: ConnectRequest | None = None

    def sent(self, request: ConnectRequest) -> None:
        """A message goes out."""
        kind = request.WhichOneof("message")
        if kind == "end_of_input":
            self._end = request
        elif self._keeps_media and kind == "audio":
            self._media.append((request.audio.capture_offset_us, request))
        elif self._keeps_media and kind == "video":
            self._media.append((request.video.capture_offset_us, request))

    def lost(self, request: ConnectRequest) -> None:
        """A message did not reach the gateway: what the user did is told to the next one."""
        if request.HasField("interrupt"):
            self._interruption = request

    def came_back(self, unit_index: int) -> None:
        """This unit was answered, one way or the other."""
        oldest_us = unit_start_us(unit_index + 1) - KEPT_BEFORE_US
        while self._media and self._media[0][0] < oldest_us:
            self._media.popleft()

    def again(self) -> list[ConnectRequest]:
        """What a new attachment is sent first."""
        said = [request for request in (self._interruption, *(media for _, media in self._media), self._end) if request]
        self._interruption = None
        return said
