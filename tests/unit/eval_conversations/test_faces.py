"""Rows of the picture: lips, nods, and whether face and scene stay."""

import numpy as np
import pytest

from tests.unit.eval_conversations.made_up_clocks import agent, clock, user
from tests.unit.eval_conversations.made_up_talks import heard_of, judged, true_speech
from wan_streamer.eval.conversations.judged import Judged
from wan_streamer.eval.conversations.long_look import LongLook
from wan_streamer.eval.conversations.looked import Looked, SeenLips
from wan_streamer.eval.conversations.rows.identity import face_distance, picture_drift
from wan_streamer.eval.conversations.rows.lip_sync import lip_correlation, lips_in_time
from wan_streamer.eval.conversations.rows.nods import nods, phrase_ends_us
from wan_streamer.eval.conversations.score import Failed, NoTrials, Score
from wan_streamer.eval.judge import Unavailable
from wan_streamer.eval.lip_offset import LipOffset
from wan_streamer.train.data.events import Moment
from wan_streamer.train.data.timeline import Timeline
from wan_streamer.unit import FRAME_US, FRAMES_PER_UNIT

NO_PITCH = np.zeros(0)


def many_questions() -> Timeline:
    """Eight questions, each long after the answer before it."""
    events = []
    for index in range(8):
        begins = Moment(offset_ms=1000) if index == 0 else Moment(of=f"a{index - 1}", edge="end", offset_ms=4000)
        events += [user(f"u{index}", begins), agent(f"a{index}", f"u{index}", begins=Moment(
            of=f"u{index}", edge="end", offset_ms=1400))]  # fmt: skip
    return clock(*events)


def nodding(timeline: Timeline, moments_us: list[int]) -> Judged:
    """A head that sways a little, and nods 0.2 s after some moments."""
    frames = len(timeline.units) * FRAMES_PER_UNIT
    time_us = np.arange(frames) * FRAME_US
    pitch = 0.005 * np.random.default_rng(1).standard_normal(frames)
    for moment_us in moments_us:
        pitch += 0.12 * np.exp(-(((time_us - moment_us - 400_000) / 100_000) ** 2))
    heard = heard_of(true_speech(timeline))
    return judged(timeline, heard, looked=Looked(pitch=pitch, lips=()))


def test_nods_after_phrases_are_told_from_nods_at_any_time() -> None:
    """A head that nods after phrases has a small p; one that nods as often at other times, or never, has not."""
    timeline = many_questions()
    judged_timeline = nodding(timeline, [])
    ends_us = list(phrase_ends_us(judged_timeline))
    listening, elsewhere = nodding(timeline, ends_us), nodding(timeline, [end_us + 7_000_000 for end_us in ends_us])
    values = []
    for talk in (listening, elsewhere, nodding(timeline, [])):
        found = nods([talk], 0)
        assert isinstance(found, Score)
        assert found.count == len(ends_us)
        values.append(found.value)
    assert values[0] < 0.01
    assert min(values[1:]) > 0.05


def test_nods_need_a_face() -> None:
    """Without films there are no trials; films without a face are a failure."""
    timeline = many_questions()
    heard = heard_of(true_speech(timeline))
    frames = len(timeline.units) * FRAMES_PER_UNIT
    blank = judged(timeline, heard, looked=Looked(pitch=np.full(frames, np.nan), lips=()))
    assert isinstance(nods([judged(timeline, heard)], 0), NoTrials)
    assert isinstance(nods([blank], 0), Failed)


def lips(timeline: Timeline, *offsets: tuple[float, float] | None) -> Judged:
    seen = tuple(
        SeenLips(
            begin_us=index,
            end_us=index + 1,
            offset=offset and LipOffset(offset_ms=offset[0], correlation=offset[1], correlation_on_time=0.0),
        )
        for index, offset in enumerate(offsets)
    )
    return judged(timeline, heard_of([]), looked=Looked(pitch=NO_PITCH, lips=seen))


def test_lips_are_in_time_within_60_ms() -> None:
    """Both sides of the limit, and no face, which fails; the correlation is a share of the truth's."""
    timeline = many_questions()
    talk, rendered = lips(timeline, (60.0, 0.6), (-61.0, 0.4), None), lips(timeline, (0.0, 0.8))
    assert [trial.passed for trial in lips_in_time(talk)] == [True, False, False]
    found = lip_correlation([talk], [rendered], 0)
    assert isinstance(found, Score)
    assert found.value == pytest.approx((0.6 + 0.4) / 3 / 0.8)
    assert isinstance(lip_correlation([talk], [], 0), Unavailable)
    assert isinstance(lip_correlation([lips(timeline)], [rendered], 0), NoTrials)


def long_look(slope: float, *, faces: bool = True) -> LongLook:
    """300 pictures, 10 minutes, that get brighter by `slope` grey levels in all."""
    random = np.random.default_rng(0)
    levels = 100 + np.linspace(0, slope, 300)[:, None, None, None] + random.normal(0, 2, (300, 4, 4, 3))
    vectors = tuple(np.full(128, 0.1 * (index >= 150), np.float32) for index in range(300))
    return LongLook(faces=vectors if faces else (None,) * 300, levels=levels.astype(np.float32))


def test_a_drift_is_found_and_stillness_has_none() -> None:
    """The slope of a picture that gets brighter by 20 levels is found; that of noise holds 0."""
    drifting, still = picture_drift(long_look(20.0), 0), picture_drift(long_look(0.0), 0)
    assert isinstance(drifting, Score)
    assert isinstance(still, Score)
    assert drifting.value == pytest.approx(20, rel=0.1)
    assert drifting.low is not None
    assert drifting.low > 0
    assert still.low is not None
    assert still.high is not None
    assert still.low <= 0 <= still.high


def test_faces_of_the_end_are_compared_with_those_of_the_beginning() -> None:
    """The distance is that of the vectors; without a face that is a failure."""
    found = face_distance(long_look(0.0))
    assert isinstance(found, Score)
    assert found.value == pytest.approx(0.1 * np.sqrt(128), rel=1e-5)
    assert isinstance(face_distance(long_look(0.0, faces=False)), Failed)
