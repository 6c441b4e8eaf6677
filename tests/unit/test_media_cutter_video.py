"""Video through the cutter: which frame each slot shows, losses, order, limits."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_streamer.errors import InvalidInput
from wan_streamer.media.cutter import CutUnit, UnitCutter
from wan_streamer.media.formats import AudioFormat, UnitFormat, VideoFormat
from wan_streamer.media.jpeg import encode_jpeg

TARGET = UnitFormat(audio_sample_rate_hz=16000, video_width=16, video_height=8)
GREY = 128
LEVELS = [4 * index for index in range(64)]
JPEGS = [encode_jpeg(np.full((8, 16, 3), level, np.uint8)) for level in LEVELS]


def video_cutter(rate_hz: float, **options: int) -> UnitCutter:
    return UnitCutter(None, VideoFormat(frame_rate_hz=rate_hz), TARGET, **options)


def levels(unit: CutUnit) -> list[int]:
    """The grey level of each slot, cleaned of JPEG's rounding."""
    return [4 * round(float(picture.mean()) / 4) for picture in unit.video]


def cut_all(cutter: UnitCutter) -> list[CutUnit]:
    cutter.end()
    units = []
    while cutter.has_media():
        units.append(cutter.cut())
    return units


@settings(max_examples=100, deadline=None)
@given(
    steps_us=st.lists(
        st.one_of(st.integers(0, 400_000), st.sampled_from([0, 16_667, 40_000])), min_size=1, max_size=64
    ),
    rate_hz=st.sampled_from([1.0, 6.25, 10.0, 25.0, 29.97, 60.0]),
)
def test_each_slot_shows_the_newest_frame_at_its_time(steps_us: list[int], rate_hz: float) -> None:
    """For any frame times the pictures and losses are those of a brute-force search over all frames."""
    offsets = np.cumsum(steps_us).tolist()
    cutter = video_cutter(rate_hz, max_media_ahead_us=10**9)
    for offset_us, jpeg in zip(offsets, JPEGS, strict=False):
        cutter.push_video(offset_us, jpeg)
    units = cut_all(cutter)
    assert len(units) == offsets[-1] // 160_000 + 1
    for unit in units:
        start_us = unit.unit_index * 160_000
        inside = [offset for offset in offsets if start_us <= offset < start_us + 160_000]
        assert unit.video_lost == (rate_hz >= 6.25 and not inside)
        for slot, level in enumerate(levels(unit)):
            past = [index for index, offset in enumerate(offsets) if offset <= start_us + slot * 40_000]
            if past:
                assert level == LEVELS[past[-1]]
            elif not inside:
                assert level == GREY
            else:
                # Of the frames before the first slot that shows one, any may stand in: the earliest that is kept.
                assert level in [LEVELS[index] for index, offset in enumerate(offsets) if offset in inside]


@settings(max_examples=40, deadline=None)
@given(
    jitter=st.lists(st.integers(-6_000, 6_000), min_size=40, max_size=40), rate_hz=st.sampled_from([10.0, 25.0, 30.0])
)
def test_cutting_when_complete_equals_cutting_at_the_end(jitter: list[int], rate_hz: float) -> None:
    """Units cut as soon as they are complete show at most one frame less than those cut with all media known."""
    offsets = [max(0, round(index * 1e6 / rate_hz) + shake) for index, shake in enumerate(jitter)]
    eager, late = video_cutter(rate_hz), video_cutter(rate_hz, max_media_ahead_us=10**9)
    units = []
    for index, offset_us in enumerate(offsets):
        eager.push_video(offset_us, JPEGS[index])
        late.push_video(offset_us, JPEGS[index])
        while eager.is_complete():
            units.append(eager.cut())
    units += cut_all(eager)
    for ours, theirs in zip(units, cut_all(late), strict=False):
        assert all(0 <= b - a <= 4 for a, b in zip(levels(ours), levels(theirs), strict=True))


@pytest.mark.parametrize(("rate_hz", "expected"), [(25.0, [0, 4, 8, 12]), (60.0, [0, 8, 16, 28])])
def test_regular_rates_fill_the_slots(rate_hz: float, expected: list[int]) -> None:
    """At 25 fps each slot has its own frame; at 60 fps each shows the newest of several."""
    cutter = video_cutter(rate_hz)
    for index in range(20):
        cutter.push_video(round(index * 1e6 / rate_hz), JPEGS[index])
    assert levels(cutter.cut()) == expected


def test_one_frame_a_second_repeats_without_loss() -> None:
    """At 1 fps a frame is shown until the next one; units without a frame are complete and not lost."""
    cutter = video_cutter(1.0)
    cutter.push_video(0, JPEGS[10])
    shown = []
    while cutter.is_complete():
        unit = cutter.cut()
        assert not unit.video_lost
        shown += levels(unit)
    assert shown == [40] * 24  # units 0 to 5: the last slot of unit 6 is after 1 s
    cutter.push_video(1_000_000, JPEGS[11])
    assert levels(cutter.cut()) == [40, 44, 44, 44]


@pytest.mark.parametrize(("offset_us", "complete"), [(79_999, False), (80_000, False), (80_001, True), (120_000, True)])
def test_completeness_expects_a_frame_a_period(offset_us: int, complete: bool) -> None:
    """At 25 fps a unit is complete once no frame can come before or at its last slot."""
    cutter = video_cutter(25.0)
    assert not cutter.is_complete()
    cutter.push_video(offset_us, JPEGS[0])
    assert cutter.is_complete() is complete


def test_a_unit_is_complete_when_sound_and_picture_are() -> None:
    """With both kinds declared the slower one decides."""
    cutter = UnitCutter(AudioFormat(sample_rate_hz=16000, channel_count=1), VideoFormat(frame_rate_hz=25.0), TARGET)
    cutter.push_audio(0, 0, bytes(5120))
    assert not cutter.is_complete()
    cutter.push_video(120_000, JPEGS[0])
    assert cutter.is_complete()


def test_before_any_frame_the_picture_is_grey_and_lost() -> None:
    """A declared camera that has sent nothing is lost video; the first frame fills the slots before it."""
    cutter = video_cutter(25.0)
    nothing = cutter.cut()
    assert (levels(nothing), nothing.video_lost) == ([GREY] * 4, True)
    cutter.push_video(250_000, JPEGS[3])
    first = cutter.cut()
    assert (levels(first), first.video_lost) == ([12] * 4, False)


def test_a_frozen_camera_is_lost_and_a_late_frame_is_still_shown() -> None:
    """A unit without a frame keeps the last picture and counts as lost; a late frame shows from the next slot on."""
    cutter = video_cutter(25.0)
    cutter.push_video(120_000, JPEGS[1])
    assert not cutter.cut().video_lost
    frozen = cutter.cut()
    assert (levels(frozen), frozen.video_lost) == ([4] * 4, True)
    cutter.push_video(200_000, JPEGS[2])  # belongs to the unit just cut
    cutter.push_video(400_000, JPEGS[5])
    later = cutter.cut()
    assert (levels(later), later.video_lost) == ([8, 8, 20, 20], False)


def test_video_that_ends_before_the_sound_is_not_lost() -> None:
    """After end() the last picture stays under the rest of the sound without being a loss."""
    cutter = UnitCutter(AudioFormat(sample_rate_hz=16000, channel_count=1), VideoFormat(frame_rate_hz=25.0), TARGET)
    cutter.push_audio(0, 0, bytes(3 * 5120))
    cutter.push_video(0, JPEGS[9])
    units = cut_all(cutter)
    assert [unit.video_lost for unit in units] == [False] * 3
    assert [levels(unit) for unit in units] == [[36] * 4] * 3


def test_frames_are_letterboxed_to_the_model() -> None:
    """A square frame in a 2:1 picture has black bars at both sides; a change of size in mid-stream is fine."""
    cutter = video_cutter(25.0)
    cutter.push_video(0, encode_jpeg(np.full((300, 300, 3), 200, np.uint8)))
    cutter.push_video(40_000, encode_jpeg(np.full((1080, 1920, 3), 200, np.uint8)))
    cutter.push_video(120_000, JPEGS[50])
    video = cutter.cut().video
    assert video.shape == (4, 8, 16, 3)
    assert video.dtype == np.uint8
    assert not video[0, :, :4].any()
    assert not video[0, :, 12:].any()
    assert (abs(video[0, :, 4:12].astype(int) - 200) <= 2).all()


@pytest.mark.parametrize(
    ("offset_us", "jpeg", "reason"),
    [
        (99_999, JPEGS[0], "FRAME_ORDER"),
        (-1, JPEGS[0], "FRAME_ORDER"),
        (2_000_001, JPEGS[0], "MEDIA_TOO_FAR_AHEAD"),
        (2**62, JPEGS[0], "MEDIA_TOO_FAR_AHEAD"),
        (120_000, b"", "JPEG_INVALID"),
        (120_000, b"\x89PNG\r\n\x1a\n" + bytes(100), "JPEG_INVALID"),
        (120_000, JPEGS[0][:30], "JPEG_INVALID"),
        (120_000, bytes(10_000_000), "FRAME_TOO_LARGE"),
    ],
)
def test_bad_frames_are_refused_and_change_nothing(offset_us: int, jpeg: bytes, reason: str) -> None:
    """Each refusal has its reason, and the unit afterwards is what it is without it."""
    cutter = video_cutter(25.0)
    cutter.push_video(100_000, JPEGS[7])
    with pytest.raises(InvalidInput, match="expected") as refusal:
        cutter.push_video(offset_us, jpeg)
    assert refusal.value.reason == reason
    cutter.push_video(100_000, JPEGS[8])
    assert levels(cutter.cut()) == [32] * 4


def test_a_broken_body_costs_its_unit_only() -> None:
    """A frame with a sound header and a broken body is InvalidInput at the cut; the next unit is cut as ever."""
    cutter = video_cutter(25.0)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    cutter.push_video(120_000, encode_jpeg(noise)[:-1000])
    with pytest.raises(InvalidInput) as refusal:
        cutter.cut()
    assert refusal.value.reason == "JPEG_INVALID"
    cutter.push_video(280_000, JPEGS[4])
    unit = cutter.cut()
    assert (unit.unit_index, levels(unit)) == (1, [16] * 4)


def test_memory_is_bounded() -> None:
    """A thousand frames within the allowed lead leave one a slot."""
    cutter = video_cutter(60.0)
    for index in range(1000):
        cutter.push_video(index * 2000, JPEGS[index % 64])
    assert cutter._video is not None
    assert len(cutter._video._frames) <= 2_000_000 // 40_000 + 1


def test_media_may_come_while_a_unit_is_cut() -> None:
    """Pushing from one thread and cutting in another gives the units of a single thread."""
    alone, shared = video_cutter(25.0, max_media_ahead_us=10**9), video_cutter(25.0, max_media_ahead_us=10**9)
    for index in range(400):
        alone.push_video(index * 40_000, JPEGS[index % 64])
    truth = [levels(unit) for unit in cut_all(alone)]

    def push_all() -> None:
        for index in range(400):
            shared.push_video(index * 40_000, JPEGS[index % 64])
        shared.end()

    pusher = threading.Thread(target=push_all)
    pusher.start()
    units = []
    while len(units) < len(truth):
        if shared.is_complete():
            units.append(levels(shared.cut()))
    pusher.join()
    assert units == truth
