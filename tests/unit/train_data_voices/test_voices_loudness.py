"""Speech and silence by energy."""

import numpy as np
import pytest

from tests.unit.train_data_voices.speech import GAP_MS, LEAD_MS, WORD_MS, buzzes
from wan_streamer.train.data.voices.engine import Sound
from wan_streamer.train.data.voices.loudness import STEP_US, loudness_of


def test_the_edges_of_speech_are_found() -> None:
    """Begin, end and the silence between words, to one step."""
    loudness = loudness_of(buzzes(3))
    begin_us, end_us = loudness.span_us
    assert begin_us == pytest.approx(LEAD_MS * 1000, abs=STEP_US)
    assert end_us == pytest.approx((LEAD_MS + 3 * WORD_MS + 2 * GAP_MS) * 1000, abs=STEP_US)
    first_end_us = (LEAD_MS + WORD_MS) * 1000
    silence = loudness.silence_us(first_end_us - 50_000, first_end_us + GAP_MS * 1000 + 50_000)
    assert silence is not None
    assert silence == pytest.approx((first_end_us, first_end_us + GAP_MS * 1000), abs=STEP_US)


def test_steps_do_not_drift_where_they_are_no_whole_number_of_samples() -> None:
    """At 22,050 Hz a click after ten seconds is still found where it is."""
    samples = np.zeros(11 * 22_050, np.float32)
    samples[10 * 22_050 : 10 * 22_050 + 2000] = 0.5
    assert loudness_of(Sound(samples=samples, sample_rate_hz=22_050)).span_us[0] == pytest.approx(10e6, abs=STEP_US)


def test_noise_in_the_silence_is_no_speech() -> None:
    """A hiss 36 dB below the speech does not count, though silence without hiss may be compared with less."""
    sound = buzzes(2)
    hiss = np.random.default_rng(0).standard_normal(len(sound.samples)).astype(np.float32) * np.float32(0.005)
    begin_us, _ = loudness_of(Sound(samples=sound.samples + hiss, sample_rate_hz=sound.sample_rate_hz)).span_us
    assert begin_us == pytest.approx(LEAD_MS * 1000, abs=STEP_US)


def test_silence_has_no_span() -> None:
    """Nor has no sound at all."""
    for count in (0, 8000):
        assert loudness_of(Sound(samples=np.zeros(count, np.float32), sample_rate_hz=16_000)).span_us == (0, 0)
