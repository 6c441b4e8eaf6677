"""The client's half of a session: its messages become exact units."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from services.gateway.clock import MediaClock, capture_start_of_complete_unit_unix_us, unix_us
from services.gateway.ledger import State, UnitLedger
from services.gateway.service_levels import ServiceLevels
from services.gateway.unit_maker import UnitMaker
from wan_streamer.errors import InvalidInput
from wan_streamer.media.cutter import UnitCutter
from wan_streamer.rpc.notifier import Notifier
from wan_streamer.unit import UNIT_US
from wan_streamer.v1 import session_pb2

# A few units of chunks and frames: what is read from the client before it is cut.
MAX_WAITING_MESSAGES: Final = 64
MAX_WAITING_BYTES: Final = 1024 * 1024
# Nobody comes back to a session after so long: a clock that jumps farther is wrong.
MAX_DETACHED_UNITS: Final = 4096
# Of a client whose connection breaks the end of its messages is heard first, and that it has gone 0 to 100 ms later
# (measured). A true half-close can wait.
HALF_CLOSE_DOUBT_S: Final = 0.5
# Beyond that only to find a Playout behind the media of a client that waits for units and gives no credit for them.
MAX_BYTES_BEFORE_PLAYOUT: Final = 16 * 1024 * 1024


class Intake:
    """Reads a client's messages and cuts its media; two tasks, `read` and `cut`, that meet at a bounded queue.

    Playout and Interrupt take effect at once, media and the end of input in order.
    """

    def __init__(
        self,
        *,
        cutter: UnitCutter,
        ledger: UnitLedger,
        make_unit: UnitMaker,
        jitter_allowance_s: float,
        levels: ServiceLevels,
        is_resumed: bool,
    ) -> None:
        self._cutter = cutter
        self._ledger = ledger
        self._make_unit = make_unit
        self._jitter_allowance_s = jitter_allowance_s
        self._levels = levels
        self._is_resumed = is_resumed
        self._waiting: deque[session_pb2.ConnectRequest] = deque()
        self._waiting_bytes = 0
        self._changed = Notifier()
        self._clock: MediaClock | None = None
        self._is_ended = False
        self._loop = asyncio.get_running_loop()
        self.last_message_loop_s = self._loop.time()
        self.is_listening = True
        """Whether the client can be heard: false after its half-close and while we do not read, for lack of room."""
        self.has_left = asyncio.Event()
        """The client says that it will not come back."""

    async def read(self, requests: AsyncIterator[session_pb2.ConnectRequest]) -> None:
        """Reads until the client half-closes.

        Raises:
            InvalidInput: SECOND_ATTACH, UNKNOWN_MESSAGE, MEDIA_AFTER_END, PLAYOUT_AHEAD, PLAYOUT_MISSING or
                MEDIA_TOO_FAR_AHEAD (on a resume).
        """
        async for request in requests:
            self.last_message_loop_s = self._loop.time()
            self._take(request)
            self._check_playout_comes()
            if self._is_full():
                self.is_listening = False
                await self._ledger.changed.until(lambda: not self._is_full())
                self.is_listening = True
                self.last_message_loop_s = self._loop.time()
        self.is_listening = False
        await asyncio.sleep(HALF_CLOSE_DOUBT_S)
        self._end()
        self._ledger.release_credit()

    async def cut(self) -> None:
        """Cuts unit after unit until the input has ended and all of it is cut.

        Raises:
            InvalidInput: what UnitCutter refuses.
        """
        while True:
            await self._wait_for_media()
            if self._waiting:
                self._push(self._waiting.popleft())
            while self._is_due():
                await self._ledger.changed.until(lambda: self._ledger.has_room)
                await self._cut_next()
            if self._is_input_over() and not self._cutter.has_media():
                self._ledger.close()
                return

    def _take(self, request: session_pb2.ConnectRequest) -> None:
        kind = request.WhichOneof("message")
        if kind in ("audio", "video"):
            if self._is_ended:
                raise InvalidInput(
                    f"got {kind} after end_of_input, expected none; create a new session to go on",
                    reason="MEDIA_AFTER_END",
                )
            self._tell_clock(request.audio.capture_offset_us if kind == "audio" else request.video.capture_offset_us)
            self._enqueue(request)
        elif kind == "playout":
            if not self._ledger.played(request.playout.played_unit_index):
                raise InvalidInput(
                    f"got playout of unit {request.playout.played_unit_index}, which was not sent yet; "
                    "report only units that arrived",
                    reason="PLAYOUT_AHEAD",
                )
            self._levels.played(request.playout.played_unit_index, unix_us())
        elif kind == "interrupt":
            self._ledger.interrupt()
        elif kind == "end_of_input":
            self._end()
        elif kind == "leave":
            self.has_left.set()
        elif kind == "attach":
            raise InvalidInput("got a second attach, expected one a stream; open a new stream", reason="SECOND_ATTACH")
        else:
            raise InvalidInput(
                "got a message that this version does not know; see session.proto for those it does",
                reason="UNKNOWN_MESSAGE",
            )

    def _end(self) -> None:
        if not self._is_ended:
            self._is_ended = True
            self._enqueue(session_pb2.ConnectRequest(end_of_input=session_pb2.EndOfInput()))

    def _tell_clock(self, capture_offset_us: int) -> None:
        now_loop_s = self._loop.time()
        if self._clock is None:
            self._clock = MediaClock(capture_offset_us=capture_offset_us, now_unix_us=unix_us(), now_loop_s=now_loop_s)
            if self._is_resumed and self._ledger.is_live:
                self._declare_missing(self._clock, capture_offset_us // UNIT_US)
        self._clock.observe(capture_offset_us, now_loop_s)

    def _declare_missing(self, clock: MediaClock, first_unit_index: int) -> None:
        """Live, time goes on while nobody is attached: the units until the first media of a resume will not come."""
        missing = range(self._cutter.next_unit_index, first_unit_index)
        if len(missing) > MAX_DETACHED_UNITS:
            raise InvalidInput(
                f"got media of unit {first_unit_index} after {missing.start} units, expected at most "
                f"{MAX_DETACHED_UNITS} more; count capture offsets from the first attach of the session",
                reason="MEDIA_TOO_FAR_AHEAD",
            )
        for unit_index in missing:
            capture_start_unix_us = clock.capture_start_unix_us(unit_index)
            self._ledger.add_detached(self._make_unit.detached(unit_index, capture_start_unix_us, State.SKIPPED))
        if missing:
            self._cutter.begin_at(first_unit_index)

    def _enqueue(self, request: session_pb2.ConnectRequest) -> None:
        self._waiting.append(request)
        self._waiting_bytes += request.ByteSize()
        self._changed.notify()

    def _check_playout_comes(self) -> None:
        if self._waiting_bytes > MAX_BYTES_BEFORE_PLAYOUT:
            raise InvalidInput(
                f"got {MAX_BYTES_BEFORE_PLAYOUT} bytes of media without a playout while units wait for credit; "
                "send playout as units begin to play",
                reason="PLAYOUT_MISSING",
            )

    def _is_full(self) -> bool:
        if self._ledger.waits_for_client:
            return False
        return len(self._waiting) >= MAX_WAITING_MESSAGES or self._waiting_bytes >= MAX_WAITING_BYTES

    async def _wait_for_media(self) -> None:
        """Returns when a message waits or, live, when the next unit must be cut whether it is complete or not."""
        if not self._ledger.is_live or self._clock is None:
            await self._changed.until(lambda: bool(self._waiting))
            return
        try:
            async with asyncio.timeout_at(self._latest_cut_loop_s(self._clock)):
                await self._changed.until(lambda: bool(self._waiting))
        except TimeoutError:
            return

    def _latest_cut_loop_s(self, clock: MediaClock) -> float:
        return clock.unit_end_loop_s(self._cutter.next_unit_index) + self._jitter_allowance_s

    def _push(self, request: session_pb2.ConnectRequest) -> None:
        self._waiting_bytes -= request.ByteSize()
        kind = request.WhichOneof("message")
        if kind == "audio":
            audio = request.audio
            self._cutter.push_audio(audio.first_sample_index, audio.capture_offset_us, audio.data)
        elif kind == "video":
            self._cutter.push_video(request.video.capture_offset_us, request.video.data)
        else:
            self._cutter.end()
        # The reader may wait for room.
        self._ledger.changed.notify()

    def _is_input_over(self) -> bool:
        return self._is_ended and not self._waiting

    def _is_due(self) -> bool:
        if self._is_input_over():
            return self._cutter.has_media()
        if self._cutter.is_complete():
            return True
        return (
            self._ledger.is_live
            and self._clock is not None
            and self._loop.time() >= self._latest_cut_loop_s(self._clock)
        )

    async def _cut_next(self) -> None:
        assert self._clock is not None, "media came before a unit"
        start_unix_ns = time.time_ns()
        if self._ledger.is_live:
            self._clock.follow()
            capture_start_unix_us = self._clock.capture_start_unix_us(self._cutter.next_unit_index)
        else:
            capture_start_unix_us = capture_start_of_complete_unit_unix_us(start_unix_ns // 1000)
        cut = await asyncio.to_thread(self._cutter.cut)
        self._ledger.add(
            self._make_unit(cut, capture_start_unix_us, cut_start_unix_ns=start_unix_ns, cut_end_unix_ns=time.time_ns())
        )
