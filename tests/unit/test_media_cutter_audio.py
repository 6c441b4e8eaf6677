"""Audio through the cutter: the clock, losses, order, limits."""

import io
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from wan_streamer.errors import InvalidInput
from wan_streamer.media.cutter import CutUnit, UnitCutter
from wan_streamer.media.formats import AudioFormat, UnitFormat, VideoFormat

TARGET = UnitFormat(audio_sample_rate_hz=16000, video_width=16, video_height=16)
MONO_16K = AudioFormat(sample_rate_hz=16000, channel_count=1)
SAMPLES = 2560


def noise(sample_count: int, channel_count: int = 1, seed: int = 0) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-20000, 20000, (sample_count, channel_count)).astype(np.int16)


def grey_jpeg(level: int) -> bytes:
    encoded = io.BytesIO()
    Image.new("L", (16, 16), level).save(encoded, "JPEG")
    return encoded.getvalue()


def push(cutter: UnitCutter, rate_hz: int, first: int, pcm: NDArray[np.int16]) -> None:
    cutter.push_audio(first, first * 1_000_000 // rate_hz, pcm.astype("<i2").tobytes())


def cut_all(cutter: UnitCutter) -> list[CutUnit]:
    cutter.end()
    units = []
    while cutter.has_media():
        units.append(cutter.cut())
    return units


@pytest.mark.long
def test_one_hour_of_44_1_khz_at_29_97_fps_does_not_drift() -> None:
    """After an hour the last sound is within one sample and the last picture within one frame of the truth."""
    rate_hz, seconds = 44_100, 3600
    greys = [grey_jpeg(8 * index) for index in range(31)]
    audio = AudioFormat(sample_rate_hz=rate_hz, channel_count=1)
    cutter = UnitCutter(audio, VideoFormat(frame_rate_hz=29.97), TARGET)
    second = np.zeros(rate_hz, np.int16)
    click_at = rate_hz * seconds - 5000
    told_apart_us = (seconds - 60) * 1_000_000  # one picture before that: decoding them all would take long
    index, units = 0, []
    for start in range(0, rate_hz * seconds, rate_hz):
        if start <= click_at < start + rate_hz:
            second[click_at - start] = 32767
        push(cutter, rate_hz, start, second)
        while (offset_us := index * 1_001_000_000 // 30_000) < (start // rate_hz + 1) * 1_000_000:
            cutter.push_video(offset_us, greys[index % 31] if offset_us >= told_apart_us else greys[0])
            index += 1
        while cutter.is_complete():
            units = [*units[-3:], cutter.cut()]
            assert units[-1].lost_audio_sample_count == 0
            assert not units[-1].video_lost
    units += cut_all(cutter)
    assert units[-1].unit_index == seconds * 1000 // 160 - 1
    sound = np.concatenate([unit.audio for unit in units])
    found = units[0].unit_index * SAMPLES + int(np.argmax(np.abs(sound)))
    assert abs(found - click_at * 16_000 / rate_hz) <= 1
    for unit, slot in itertools.product(units, range(4)):
        truth = (unit.unit_index * 160_000 + slot * 40_000) * 30_000 // 1_001_000_000
        assert abs(int(unit.video[slot].mean()) - 8 * (truth % 31)) <= 2


@settings(max_examples=30, deadline=None)
@given(
    rate_hz=st.sampled_from([8000, 11025, 16000, 44100, 48000, 22051]),
    channel_count=st.integers(1, 2),
    cuts=st.lists(st.floats(0, 1), max_size=40),
    eager=st.booleans(),
)
def test_any_split_into_chunks_gives_the_same_units(
    rate_hz: int, channel_count: int, cuts: list[float], eager: bool
) -> None:
    """However the same audio is split, and whether units are cut early or late, they are bit-identical."""
    pcm = noise(rate_hz * 9 // 10, channel_count)
    audio = AudioFormat(sample_rate_hz=rate_hz, channel_count=channel_count)
    whole = UnitCutter(audio, None, TARGET)
    push(whole, rate_hz, 0, pcm)
    truth = cut_all(whole)
    split = UnitCutter(audio, None, TARGET)
    borders = sorted({0, len(pcm), *(int(cut * len(pcm)) for cut in cuts)})
    units = []
    for begin, end in itertools.pairwise(borders):
        push(split, rate_hz, begin, pcm[begin:end])
        while eager and split.is_complete():
            units.append(split.cut())
    units += cut_all(split)
    assert len(units) == len(truth) == 6
    for ours, theirs in zip(units, truth, strict=True):
        np.testing.assert_array_equal(ours.audio, theirs.audio)
        assert ours.lost_audio_sample_count == theirs.lost_audio_sample_count == 0


def test_samples_keep_their_value_and_place() -> None:
    """At the model's own rate samples are int16 / 32768, in place; the last unit is filled with silence, not lost."""
    cutter = UnitCutter(MONO_16K, None, TARGET)
    pcm = noise(SAMPLES + 100)
    push(cutter, 16000, 0, pcm)
    units = cut_all(cutter)
    sound = np.concatenate([unit.audio for unit in units])
    assert sound.dtype == np.float32
    np.testing.assert_array_equal(sound[: len(pcm)], (pcm[:, 0] / 32768).astype(np.float32))
    assert not sound[len(pcm) :].any()
    assert [unit.lost_audio_sample_count for unit in units] == [0, 0]


def test_stereo_is_the_mean_of_its_channels() -> None:
    """Two channels become their mean, without overflow at full scale."""
    cutter = UnitCutter(AudioFormat(sample_rate_hz=16000, channel_count=2), None, TARGET)
    pcm = noise(SAMPLES, 2)
    pcm[0] = -32768
    push(cutter, 16000, 0, pcm)
    np.testing.assert_allclose(cutter.cut().audio, pcm.mean(axis=1) / 32768, atol=1e-7)


def test_a_gap_is_silence_and_counted() -> None:
    """Samples that were skipped are silent, counted as lost in their units, and what follows is in place."""
    cutter = UnitCutter(MONO_16K, None, TARGET)
    pcm = noise(3 * SAMPLES)
    push(cutter, 16000, 0, pcm[:2000])
    push(cutter, 16000, 3000, pcm[3000:])
    units = cut_all(cutter)
    sound = np.concatenate([unit.audio for unit in units])
    truth = (pcm[:, 0] / 32768).astype(np.float32)
    truth[2000:3000] = 0
    np.testing.assert_array_equal(sound, truth)
    assert [unit.lost_audio_sample_count for unit in units] == [560, 440, 0]


@settings(max_examples=60, deadline=None)
@given(
    rate_hz=st.sampled_from([8000, 11025, 16000, 44100, 48000, 22051]),
    steps=st.lists(st.sampled_from(["chunk", "chunk", "chunk", "hole", "late", "cut"]), max_size=80),
)
def test_every_lost_sample_is_counted_in_its_unit(rate_hz: int, steps: list[str]) -> None:
    """Lost counts equal a brute-force account, sample by sample, of holes, late chunks and forced cuts."""
    chunk, first = rate_hz // 50, 0
    silent = np.zeros(rate_hz * 20, bool)
    filled_end, units = 0, []
    cutter = UnitCutter(AudioFormat(sample_rate_hz=rate_hz, channel_count=1), None, TARGET, max_media_ahead_us=10**8)

    def lost_in(unit_index: int) -> int:
        samples = unit_index * SAMPLES + np.arange(SAMPLES)
        return int(silent[samples * rate_hz // 16000].sum())

    for step in steps:
        if step == "hole":
            first += chunk
        elif step == "cut":
            next_begin = -(-(cutter.next_unit_index + 1) * SAMPLES * rate_hz // 16000)
            silent[filled_end:next_begin] = True
            filled_end = max(filled_end, next_begin)
            units.append(cutter.cut())
            assert units[-1].lost_audio_sample_count == lost_in(units[-1].unit_index)
        else:
            silent[filled_end:first] = True
            push(cutter, rate_hz, first, np.full((chunk, 1), 16384, np.int16))
            first += chunk
            filled_end = max(filled_end, first)
    for unit in cut_all(cutter):
        assert unit.lost_audio_sample_count == lost_in(unit.unit_index)
        units.append(unit)
    assert [unit.unit_index for unit in units] == list(range(len(units)))


def test_a_forced_cut_loses_what_is_late_and_stays_exact() -> None:
    """Cut too early, the missing half is silent and lost; it is dropped when it comes; the next unit is untouched."""
    cutter = UnitCutter(MONO_16K, None, TARGET)
    pcm = noise(2 * SAMPLES)
    push(cutter, 16000, 0, pcm[:1000])
    assert not cutter.is_complete()
    forced = cutter.cut()
    push(cutter, 16000, 1000, pcm[1000:2000])
    push(cutter, 16000, 2000, pcm[2000:])
    assert cutter.is_complete()
    following = cutter.cut()
    assert (forced.lost_audio_sample_count, following.lost_audio_sample_count) == (SAMPLES - 1000, 0)
    assert not forced.audio[1000:].any()
    np.testing.assert_array_equal(following.audio, (pcm[SAMPLES:, 0] / 32768).astype(np.float32))
    assert not cutter.has_media()


def test_a_resumed_cutter_begins_at_its_unit() -> None:
    """With a first unit index, positions still count from the session's start; older samples are dropped."""
    cutter = UnitCutter(MONO_16K, None, TARGET, first_unit_index=10)
    pcm = noise(2 * SAMPLES)
    push(cutter, 16000, 9 * SAMPLES, pcm)
    unit = cutter.cut()
    assert (unit.unit_index, unit.lost_audio_sample_count) == (10, 0)
    np.testing.assert_array_equal(unit.audio, (pcm[SAMPLES:, 0] / 32768).astype(np.float32))


def test_completeness_waits_for_the_filter_only() -> None:
    """A unit of 48 kHz audio is complete 2 ms of samples after its end, not at its end and not later."""
    cutter = UnitCutter(AudioFormat(sample_rate_hz=48000, channel_count=1), None, TARGET)
    push(cutter, 48000, 0, noise(7680))
    assert not cutter.is_complete()
    push(cutter, 48000, 7680, noise(96))
    assert cutter.is_complete()


def test_no_audio_is_silence_and_no_loss() -> None:
    """Without declared media the units are complete at once, silent and grey, and nothing is lost."""
    cutter = UnitCutter(None, None, TARGET)
    assert cutter.is_complete()
    assert not cutter.has_media()
    unit = cutter.cut()
    assert not unit.audio.any()
    assert (unit.video == 128).all()
    assert unit.video.shape == (4, 16, 16, 3)
    assert (unit.lost_audio_sample_count, unit.video_lost) == (0, False)


REFUSED: dict[str, tuple[str, Callable[[UnitCutter], None]]] = {
    "odd bytes": ("AUDIO_SIZE", lambda cutter: cutter.push_audio(1600, 100_000, b"abc")),
    "too long": ("AUDIO_TOO_LONG", lambda cutter: cutter.push_audio(1600, 100_000, bytes(32_002))),
    "10 MB": ("AUDIO_TOO_LONG", lambda cutter: cutter.push_audio(1600, 100_000, bytes(10_000_000))),
    "back": ("AUDIO_ORDER", lambda cutter: cutter.push_audio(0, 0, bytes(320))),
    "overlap": ("AUDIO_ORDER", lambda cutter: cutter.push_audio(1599, 99_937, bytes(320))),
    "negative": ("AUDIO_ORDER", lambda cutter: cutter.push_audio(-1, 0, bytes(320))),
    "wrong rate": ("SAMPLE_RATE_MISMATCH", lambda cutter: cutter.push_audio(16_000, 2_000_000, bytes(320))),
    "negative time": ("SAMPLE_RATE_MISMATCH", lambda cutter: cutter.push_audio(1600, -(2**63), bytes(320))),
    "far ahead": ("MEDIA_TOO_FAR_AHEAD", lambda cutter: cutter.push_audio(31_990, 1_999_375, bytes(640))),
    "huge index": ("MEDIA_TOO_FAR_AHEAD", lambda cutter: cutter.push_audio(2**40, 2**40 * 125 // 2, bytes(320))),
    "video": ("VIDEO_NOT_DECLARED", lambda cutter: cutter.push_video(0, b"")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_audio_is_refused_and_changes_nothing(case: str) -> None:
    """Each refusal has its reason, and the unit afterwards is what it is without it."""
    reason, attempt = REFUSED[case]
    pcm = noise(SAMPLES)
    cutter = UnitCutter(MONO_16K, None, TARGET)
    push(cutter, 16000, 0, pcm[:1600])
    with pytest.raises(InvalidInput, match="expected") as refusal:
        attempt(cutter)
    assert refusal.value.reason == reason
    push(cutter, 16000, 1600, pcm[1600:])
    unit = cutter.cut()
    assert unit.lost_audio_sample_count == 0
    np.testing.assert_array_equal(unit.audio, (pcm[:, 0] / 32768).astype(np.float32))


def test_a_lying_sample_rate_is_found() -> None:
    """48 kHz samples declared as 16 kHz are refused within a second; a clock 0.5 % fast passes for ten minutes."""
    liar = UnitCutter(MONO_16K, None, TARGET, max_media_ahead_us=10**10)
    liar.push_audio(0, 0, bytes(32_000))
    with pytest.raises(InvalidInput) as refusal:
        liar.push_audio(48_000, 1_000_000, bytes(32_000))
    assert refusal.value.reason == "SAMPLE_RATE_MISMATCH"
    honest = UnitCutter(MONO_16K, None, TARGET)
    for second in range(600):
        honest.push_audio(16_000 * second, 1_005_000 * second, bytes(32_000))
        while honest.is_complete():
            assert honest.cut().lost_audio_sample_count == 0


def test_the_end_is_the_end() -> None:
    """Media after end() is refused; everything is complete then, and units last as long as there is media."""
    cutter = UnitCutter(MONO_16K, None, TARGET)
    push(cutter, 16000, 0, noise(SAMPLES + 1))
    cutter.end()
    assert cutter.is_complete()
    with pytest.raises(InvalidInput) as refusal:
        push(cutter, 16000, SAMPLES + 1, noise(10))
    assert refusal.value.reason == "MEDIA_AFTER_END"
    assert len(cut_all(cutter)) == 2


def test_an_undeclared_kind_is_refused() -> None:
    """Audio that was not declared is refused by name."""
    with pytest.raises(InvalidInput) as refusal:
        UnitCutter(None, None, TARGET).push_audio(0, 0, b"")
    assert refusal.value.reason == "AUDIO_NOT_DECLARED"
