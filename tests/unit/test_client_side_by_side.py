"""The two videos, read back: who is where, when, and how loud."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from wan_streamer.client.conversation import Conversation, PlayedUnit
from wan_streamer.client.events import Attached, AttachOutcome, Outcome, SkipReason, Unit
from wan_streamer.client.playout import PlayoutClock
from wan_streamer.client.reply import write_reply
from wan_streamer.client.side_by_side import GAP_PIXELS, write_side_by_side
from wan_streamer.media.files import MediaFile, read_media
from wan_streamer.media.jpeg import encode_jpeg
from wan_streamer.media.mp4_writer import Mp4Writer

UNIT_COUNT = 10
AGENT_RATE_HZ = 16_000
FLASH_UNIT, FLASH_FRAME = 4, 1
PLAYOUT_START_US = 313_000


def click(sample_count: int, position: int) -> NDArray[np.int16]:
    sound = np.zeros(sample_count, np.int16)
    sound[position : position + 40] = 30_000
    return sound


@pytest.fixture
def visitor(tmp_path: Path) -> MediaFile:
    """1.6 s at 320x240: white flash of one frame at 0.52 s, a click at the same time."""
    path = tmp_path / "visitor.mp4"
    sound = click(UNIT_COUNT * 7680, 24_960)
    with Mp4Writer(path, 320, 240, 48_000) as writer:
        for unit_index in range(UNIT_COUNT):
            frames = np.zeros((4, 240, 320, 3), np.uint8)
            if unit_index == 3:
                frames[1] = 255
            writer.write(frames, sound[unit_index * 7680 : (unit_index + 1) * 7680])
    return read_media(path)


def agent_unit(unit_index: int) -> Unit:
    """Unit 6 is skipped; the flash unit has one white picture and a click where that picture begins."""
    skipped = unit_index == 6
    frames = [np.full((64, 112, 3), 100, np.uint8) for _ in range(4)]
    audio = np.zeros(2560, np.int16)
    if unit_index == FLASH_UNIT:
        frames[FLASH_FRAME][:] = 255
        audio = click(2560, FLASH_FRAME * 640)
    return Unit(
        session_id="s",
        unit_index=unit_index,
        generation=1,
        epoch=1,
        output_epoch=0,
        outcome=Outcome.SKIPPED if skipped else Outcome.ON_TIME,
        skip_reason=SkipReason.OVERLOADED if skipped else None,
        audio=audio[:0] if skipped else audio,
        video_jpeg=() if skipped else tuple(encode_jpeg(frame) for frame in frames),
        text="",
        model_latency_ms=80.0,
        capture_time_unix_us=unit_index * 160_000,
        deadline_unix_us=0,
        emitted_time_unix_us=0,
        traceparent="",
        user_audio_lost=False,
        user_video_lost=False,
        received_monotonic_ns=0,
    )


@pytest.fixture
def conversation() -> Conversation:
    """Playback of unit 0 begins at 0.313 s; unit 8 is missed."""
    attached = Attached(
        session_id="s",
        outcome=AttachOutcome.NEW,
        generation=1,
        epoch=1,
        first_unit_index=0,
        audio_sample_rate_hz=AGENT_RATE_HZ,
        video_width=112,
        video_height=64,
        deadline_after_capture_ms=200,
        model_description="test",
    )
    clock = PlayoutClock(0)
    record = Conversation(input_path=Path("visitor.mp4"), attached=attached, visitor_end_us=UNIT_COUNT * 160_000)
    for unit_index in range(UNIT_COUNT):
        late_us = 10_000 if unit_index == 8 else 0
        arrival_us = PLAYOUT_START_US + unit_index * 160_000 + late_us
        unit = agent_unit(unit_index)
        playout = clock.arrived(unit_index, arrival_us, is_skipped=unit.is_skipped)
        record.units.append(PlayedUnit(unit=unit, playout=playout))
    record.playout_start_us = clock.start_us
    return record


def read_back(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32], int]:
    """Frames [n, h, w, 3], mono sound [samples] and its rate; each stream is there once and can be seeked in."""
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
        assert len(container.streams.audio) == 1
        video = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        container.seek(0)
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        rate_hz = container.streams.audio[0].rate
        container.seek(500_000)
        assert next(container.decode(video=0)).time <= 0.5
    return video, sound, rate_hz


def test_reply_has_each_unit_at_its_index(conversation: Conversation, tmp_path: Path) -> None:
    """Flash and click of unit 4 are at 4 units; where nothing was played the last picture stands and it is silent."""
    path = tmp_path / "reply.mp4"
    assert write_reply(conversation, path, lambda: True) == UNIT_COUNT
    video, sound, rate_hz = read_back(path)
    assert (video.shape, rate_hz) == ((UNIT_COUNT * 4, 64, 112, 3), AGENT_RATE_HZ)
    brightness = video.mean(axis=(1, 2, 3))
    assert int(brightness.argmax()) == FLASH_UNIT * 4 + FLASH_FRAME
    assert abs(brightness[6 * 4 + 2] - 100) < 8
    expected = FLASH_UNIT * 2560 + FLASH_FRAME * 640
    assert abs(int(np.argmax(np.abs(sound))) - expected) < 80


def test_conversation_puts_both_on_the_visitors_clock(
    conversation: Conversation, visitor: MediaFile, tmp_path: Path
) -> None:
    """The visitor's flash and click are where the file has them, the agent's where its unit truly played."""
    path = tmp_path / "conversation.mp4"
    seconds = write_side_by_side(conversation, visitor, path, lambda: True)
    video, sound, rate_hz = read_back(path)
    assert rate_hz == 48_000
    assert len(video) == round(seconds * 25)
    assert video.shape[1:3] == (240, 320 + GAP_PIXELS + 420)
    left, right = video[:, 60:, :310].mean(axis=(1, 2, 3)), video[:, 60:, 340:].mean(axis=(1, 2, 3))
    assert int(left.argmax()) == 13
    agent_flash_us = PLAYOUT_START_US + FLASH_UNIT * 160_000 + FLASH_FRAME * 40_000
    assert abs(int(right.argmax()) * 40_000 - agent_flash_us) <= 20_000
    assert right[0] < 60  # nothing has played yet
    loud = np.flatnonzero(np.abs(sound) > 0.5)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > 1000) + 1)
    starts = [int(group[0]) for group in groups]
    assert len(starts) == 2
    assert abs(starts[0] - 24_960) <= 48
    assert abs(starts[1] - round(agent_flash_us * 0.048)) <= 48


def test_voices_that_coincide_do_not_clip(visitor: MediaFile, conversation: Conversation, tmp_path: Path) -> None:
    """Two loud clicks at one instant are turned down together, not cut."""
    conversation.playout_start_us = 520_000 - FLASH_UNIT * 160_000 - FLASH_FRAME * 40_000 + 160_000
    loud = [played for played in conversation.units if played.unit.unit_index == FLASH_UNIT]
    assert loud[0].unit.audio.max() == 30_000
    path = tmp_path / "conversation.mp4"
    conversation.playout_start_us = 0
    conversation.units = [played for played in conversation.units if played.unit.unit_index == FLASH_UNIT]
    write_side_by_side(conversation, visitor, path, lambda: True)
    _, sound, _ = read_back(path)
    assert np.abs(sound).max() <= 1.0


def test_writing_can_be_cut_short(conversation: Conversation, visitor: MediaFile, tmp_path: Path) -> None:
    """When time is over the files hold what was written by then and play."""
    answers = iter([True, True, True, False])
    path = tmp_path / "reply.mp4"
    assert write_reply(conversation, path, lambda: next(answers)) == 3
    assert len(read_back(path)[0]) == 12
    answers = iter([True, True, True, True, False])
    path = tmp_path / "conversation.mp4"
    assert write_side_by_side(conversation, visitor, path, lambda: next(answers)) == pytest.approx(0.64)
    assert len(read_back(path)[0]) == 16


def test_a_visitor_without_pictures_has_a_grey_panel(conversation: Conversation, tmp_path: Path) -> None:
    """Sound alone is enough of a visitor."""
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 25_600), np.int16), format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    out = tmp_path / "conversation.mp4"
    write_side_by_side(conversation, read_media(path), out, lambda: True)
    video, _, _ = read_back(out)
    assert abs(float(video[:, 100:, 100:300].mean()) - 40) < 6
