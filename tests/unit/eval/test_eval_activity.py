"""Speech activity: what the model is fed, and spans from its probabilities."""

from itertools import pairwise

import numpy as np
import pytest

from wan_streamer.eval.activity import END_LAG_S, FRAME_S, ActivityJudge, SpeechSpan, activity_frames, speech_spans
from wan_streamer.eval.judge import Unavailable
from wan_streamer.eval.validation.speech import energy_edges, placed
from wan_streamer.eval.webrtc_activity import WebrtcActivityJudge


@pytest.mark.parametrize("sample_count", [1, 512, 513, 5000])
def test_every_frame_comes_after_its_context(sample_count: int) -> None:
    """A frame is 64 samples that were heard before and 512 new ones; none is lost, the rest is zeros."""
    sound = np.arange(1, sample_count + 1, dtype=np.float32)
    frames = activity_frames(sound)
    assert frames.shape == (-(-sample_count // 512), 576)
    assert not frames[0, :64].any()
    for before, after in pairwise(frames):
        assert np.array_equal(after[:64], before[-64:])
    new = frames[:, 64:].ravel()
    assert np.array_equal(new[:sample_count], sound)
    assert not new[sample_count:].any()


def spans_of(*values: float) -> list[SpeechSpan]:
    return speech_spans(np.asarray(values, np.float32))


def test_a_span_goes_from_the_first_half_sure_to_the_last_sure_frame() -> None:
    """Half-sure frames count before a sure one and not after it; the end is corrected for the model's lag."""
    (span,) = spans_of(0, 0.4, 0.9, *[0.9] * 8, 0.4, 0)
    assert span.begin_s == FRAME_S
    assert span.end_s == pytest.approx(11 * FRAME_S - END_LAG_S)


def test_short_pauses_are_bridged_and_long_ones_are_not() -> None:
    """0.1 s of silence lie inside a span, 0.32 s between two; doubt alone is no speech."""
    loud = [0.9] * 10
    assert len(spans_of(*loud, *[0.0] * 3, *loud)) == 1
    assert len(spans_of(*loud, *[0.0] * 10, *loud)) == 2
    assert spans_of(0.4, 0.45, 0.4, 0.4) == []


def test_truth_is_where_the_energy_is() -> None:
    """A tone laid at a known time begins and ends there within 20 ms, under noise too."""
    tone = np.pad(np.sin(np.arange(16000) / 3).astype(np.float32), (3200, 1600))
    begin_s, end_s = energy_edges(tone)
    assert (begin_s, end_s) == pytest.approx((0.2, 1.2), abs=0.02)
    whole, placed_begin_s, _ = placed(tone, -50.0, seed=3)
    first = int((placed_begin_s + 0.05) * 16000)
    assert np.abs(whole[first : first + 200]).max() > 0.9


def test_silence_is_no_speech() -> None:
    """The real model gives a probability each 32 ms, at any rate, and finds no span in silence."""
    judge = ActivityJudge()
    found = judge.availability()
    if isinstance(found, Unavailable):
        pytest.skip(found.reason)
    assert judge.spans(np.zeros(16000, np.float32), 16000) == []
    assert judge.probabilities(np.zeros(24000, np.float32), 24000).shape == (32,)


def test_a_second_opinion_hears_silence() -> None:
    """WebRTC's detector gives a frame each 10 ms and none of silence is speech."""
    pytest.importorskip("webrtcvad", reason="webrtcvad is not installed")
    frames = WebrtcActivityJudge().frames(np.zeros(24000, np.float32), 24000)
    assert frames.shape == (100,)
    assert not frames.any()
