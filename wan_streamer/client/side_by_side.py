"""conversation.mp4: visitor and agent side by side on one clock, the visitor's capture clock, both voices mixed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from wan_streamer.client.conversation import Conversation
from wan_streamer.media.files import AudioBlock, MediaFile
from wan_streamer.media.jpeg import decode_jpeg
from wan_streamer.media.mp4_writer import Mp4Writer
from wan_streamer.unit import FRAME_US, FRAMES_PER_UNIT, UNIT_US, samples_per_unit

AUDIO_RATE_HZ: Final = 48_000
MIN_HEIGHT: Final = 240
MAX_HEIGHT: Final = 720
GAP_PIXELS: Final = 8
# Loudest sample of the mix: the AAC encoder overshoots a little.
PEAK: Final = 0.95
BLANK_GREY: Final = 40

Picture = NDArray[np.uint8]


def write_side_by_side(
    conversation: Conversation,
    media: MediaFile,
    path: Path,
    may_go_on: Callable[[], bool],
    *,
    max_height: int = MAX_HEIGHT,
) -> float:
    """Writes what both said and showed, until both have ended or `may_go_on` says no.

    The agent's unit k appears at its true playout time: its sound exact to the sample, its pictures at the nearest of
    25 frames a second. A side without pictures stays grey.

    Returns:
        How many seconds were written.
    """
    unit_count = -(-conversation.end_us // UNIT_US)
    sound = _mix(conversation, media, unit_count * samples_per_unit(AUDIO_RATE_HZ))
    visitor, agent = _visitor_pictures(conversation, media), _agent_pictures(conversation)
    stage = _Stage(next(visitor), next(agent), max_height)
    samples, written = samples_per_unit(AUDIO_RATE_HZ), 0
    with Mp4Writer(
        path, stage.width, stage.height, AUDIO_RATE_HZ, source_type="compositeWithTrainedAlgorithmicMedia"
    ) as writer:
        for unit_index in range(unit_count):
            if not may_go_on():
                break
            frames = [stage.draw(next(visitor), next(agent)) for _ in range(FRAMES_PER_UNIT)]
            writer.write(np.stack(frames), sound[unit_index * samples : (unit_index + 1) * samples])
            written += 1
    return written * UNIT_US / 1e6


def _mix(conversation: Conversation, media: MediaFile, sample_count: int) -> NDArray[np.int16]:
    """Both voices at 48 kHz, int16 [sample_count], turned down together when their sum would clip."""
    mixed = np.zeros(sample_count, np.float32)
    _add(mixed, _visitor_sound(conversation, media), 0)
    if conversation.playout_start_us is not None:
        agent = _resample(conversation.heard(), conversation.attached.audio_sample_rate_hz)
        _add(mixed, agent, round(conversation.playout_start_us * AUDIO_RATE_HZ / 1e6))
    peak = float(np.max(np.abs(mixed), initial=0.0))
    gain = min(1.0, PEAK / peak) if peak else 1.0
    mixed *= gain * 32767
    return np.rint(mixed).astype(np.int16)


def _add(mixed: NDArray[np.float32], sound: NDArray[np.float32], start: int) -> None:
    end = min(len(mixed), start + len(sound))
    mixed[start:end] += sound[: end - start]


def _visitor_sound(conversation: Conversation, media: MediaFile) -> NDArray[np.float32]:
    if media.audio_format is None:
        return np.zeros(0, np.float32)
    rate_hz = media.audio_format.sample_rate_hz
    sound = np.zeros(conversation.visitor_end_us * rate_hz // 1_000_000, np.int16)
    # Without its pictures, which would be decoded for nothing.
    for block in replace(media, video_format=None):
        if block.capture_offset_us >= conversation.visitor_end_us:
            break
        assert isinstance(block, AudioBlock)
        rest = sound[block.first_sample_index :]
        samples = np.frombuffer(block.data, "<i2")[: len(rest)]
        rest[: len(samples)] = samples
    return _resample(sound, rate_hz)


def _resample(sound: NDArray[np.int16], rate_hz: int) -> NDArray[np.float32]:
    scaled = sound.astype(np.float32) * np.float32(1 / 32768)
    resampled: NDArray[np.float32] = soxr.resample(scaled, rate_hz, AUDIO_RATE_HZ) if len(scaled) else scaled
    return resampled


def _visitor_pictures(conversation: Conversation, media: MediaFile) -> Iterator[Picture | None]:
    """For ever one picture each 40 ms: first the first one (for its size), then the newest captured by then."""
    frames = iter(replace(media, audio_format=None))
    following = next(frames, None)
    picture = decode_jpeg(following.data) if following else None
    yield picture
    due_us = 0
    while True:
        newest = None
        # Half a frame of tolerance: times of a file at 25 Hz are rounded.
        while following and following.capture_offset_us <= min(due_us + FRAME_US // 2, conversation.visitor_end_us):
            newest, following = following, next(frames, None)
        if newest is not None:
            picture = decode_jpeg(newest.data)
        yield picture
        due_us += FRAME_US


def _agent_pictures(conversation: Conversation) -> Iterator[Picture | None]:
    """For ever one picture each 40 ms: first a black one (for its size), then the one whose time is nearest; None
    before the first one plays, the last one after the end."""
    attached = conversation.attached
    picture: Picture = np.zeros((attached.video_height, attached.video_width, 3), np.uint8)
    yield picture
    start_us = conversation.playout_start_us
    if start_us is None:
        while True:
            yield None
    for _ in range(round(start_us / FRAME_US)):
        yield None
    for frames, _ in conversation.heard_and_seen():
        for picture in frames:
            yield picture
    while True:
        yield picture


class _Stage:
    """Two panels of one height with a gap between them, each with its label."""

    def __init__(self, visitor: Picture | None, agent: Picture | None, max_height: int) -> None:
        heights = [picture.shape[0] for picture in (visitor, agent) if picture is not None]
        self.height = _even(min(max(MIN_HEIGHT, *heights), max_height))
        self._visitor = _Panel.sized("visitor", visitor, self.height)
        self._agent = _Panel.sized("agent", agent, self.height)
        self.width = self._visitor.width + GAP_PIXELS + self._agent.width

    def draw(self, visitor: Picture | None, agent: Picture | None) -> Picture:
        drawn = np.zeros((self.height, self.width, 3), np.uint8)
        drawn[:, : self._visitor.width] = self._visitor.draw(visitor)
        drawn[:, -self._agent.width :] = self._agent.draw(agent)
        return drawn


@dataclass
class _Panel:
    """One side. A picture that repeats is drawn once."""

    width: int
    height: int
    label: Image.Image
    last: tuple[Picture | None, Picture] | None = None

    @classmethod
    def sized(cls, name: str, picture: Picture | None, height: int) -> "_Panel":
        aspect = picture.shape[1] / picture.shape[0] if picture is not None else 16 / 9
        return cls(width=_even(round(height * aspect)), height=height, label=_label(name, height))

    def draw(self, picture: Picture | None) -> Picture:
        if self.last is None or self.last[0] is not picture:
            self.last = (picture, self._draw(picture))
        return self.last[1]

    def _draw(self, picture: Picture | None) -> Picture:
        if picture is None:
            panel = Image.new("RGB", (self.width, self.height), (BLANK_GREY,) * 3)
        else:
            panel = Image.fromarray(picture).resize((self.width, self.height), Image.Resampling.BICUBIC)
        panel.paste(self.label, (self.height // 45, self.height // 45), self.label)
        return np.asarray(panel)


def _label(name: str, height: int) -> Image.Image:
    """White letters on a dark plate, RGBA."""
    size = max(11, height // 24)
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(name)
    pad = size // 3
    plate = Image.new("RGBA", (int(right - left) + 2 * pad, int(bottom - top) + 2 * pad), (0, 0, 0, 150))
    ImageDraw.Draw(plate).text((pad - left, pad - top), name, font=font, fill=(255, 255, 255, 255))
    return plate


def _even(pixels: int) -> int:
    return max(2, pixels - pixels % 2)
