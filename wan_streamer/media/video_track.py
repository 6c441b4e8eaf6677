"""JPEG frames on the conversation's clock: order, lateness, and which frame each slot of a unit shows."""

from dataclasses import dataclass

from wan_streamer.errors import InvalidInput
from wan_streamer.media.formats import VideoFormat
from wan_streamer.media.jpeg import check_jpeg
from wan_streamer.unit import FRAME_US, FRAMES_PER_UNIT, UNIT_US, unit_end_us, unit_start_us


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One frame of the client, still encoded; compared by identity."""

    capture_offset_us: int
    jpeg: bytes


class VideoTrack:
    """The video of one attachment.

    A unit has a slot every 40 ms; a slot shows the newest frame captured at or before it. Of several frames between two
    slots only the newest can ever be shown, so only that one is kept: the track holds one frame a slot.
    """

    def __init__(self, format: VideoFormat, first_unit_index: int) -> None:
        # Rounded down: a frame expected exactly at a slot is then waited for.
        self._period_us = int(1_000_000 / format.frame_rate_hz)
        self._unit_index = first_unit_index
        self._frames: list[Frame] = []
        self._newest_us: int | None = None
        self._units_with_frames: set[int] = set()

    def push(self, capture_offset_us: int, jpeg: bytes, newest_allowed_us: int) -> None:
        """Adds a frame; see `UnitCutter.push_video` for the errors. A late one can still be shown in later slots."""
        self._check_time(capture_offset_us, newest_allowed_us)
        check_jpeg(jpeg)
        if self._frames and self._slot(self._frames[-1].capture_offset_us) == self._slot(capture_offset_us):
            self._frames.pop()
        self._frames.append(Frame(capture_offset_us=capture_offset_us, jpeg=jpeg))
        self._newest_us = capture_offset_us
        if self.reaches(self._unit_index):
            self._units_with_frames.add(capture_offset_us // UNIT_US)

    def is_complete(self, unit_index: int) -> bool:
        """Whether a frame at or after the last slot has come, or none is expected before it."""
        last_slot_us = unit_end_us(unit_index) - FRAME_US
        if self._newest_us is None:
            return False
        return self._newest_us >= last_slot_us or self._newest_us + self._period_us > last_slot_us

    def reaches(self, unit_index: int) -> bool:
        """Whether any frame at or after the unit's beginning has come."""
        return self._newest_us is not None and self._newest_us >= unit_start_us(unit_index)

    def take(self, unit_index: int, *, ended: bool) -> tuple[list[Frame | None], bool]:
        """The frame of each slot (None: no picture yet) and whether video was lost; moves past the unit.

        Before the first frame's own slot the first frame of the unit is shown. Video is lost when the nominal rate puts
        a frame into every unit and none was captured in this one, unless the input has `ended` before it.
        """
        expected = self._period_us <= UNIT_US and (not ended or self.reaches(unit_index))
        lost = expected and unit_index not in self._units_with_frames
        first = next((frame for frame in self._frames if frame.capture_offset_us < unit_end_us(unit_index)), None)
        slots_us = range(unit_start_us(unit_index), unit_end_us(unit_index), FRAME_US)
        shown = [self._newest_at(slot_us) or first for slot_us in slots_us]
        self._units_with_frames.discard(unit_index)
        self._unit_index = unit_index + 1
        self._keep_from(self._newest_at(unit_start_us(self._unit_index)))
        return shown, lost

    def drop(self, frame: Frame) -> None:
        """Forgets a frame that turned out to be broken."""
        self._frames = [kept for kept in self._frames if kept is not frame]

    def _check_time(self, capture_offset_us: int, newest_allowed_us: int) -> None:
        oldest_allowed_us = self._newest_us or 0
        if capture_offset_us < oldest_allowed_us:
            raise InvalidInput(
                f"got a frame of capture_offset_us {capture_offset_us}, expected {oldest_allowed_us} or more; "
                "send frames in the order of their capture, counted from the first one",
                reason="FRAME_ORDER",
            )
        if capture_offset_us > newest_allowed_us:
            raise InvalidInput(
                f"got a frame of capture_offset_us {capture_offset_us}, expected at most {newest_allowed_us} for now; "
                "send media at the pace of its capture",
                reason="MEDIA_TOO_FAR_AHEAD",
            )

    def _slot(self, capture_offset_us: int) -> int:
        """The first slot, of those not cut yet, that can show a frame."""
        return max(-(-capture_offset_us // FRAME_US), self._unit_index * FRAMES_PER_UNIT)

    def _newest_at(self, time_us: int) -> Frame | None:
        return next((frame for frame in reversed(self._frames) if frame.capture_offset_us <= time_us), None)

    def _keep_from(self, oldest: Frame | None) -> None:
        if oldest is not None:
            self._frames = self._frames[self._frames.index(oldest) :]
