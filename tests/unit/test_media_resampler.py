"""The resampler against positions in fractions, pure tones and soxr."""

from fractions import Fraction
from math import ceil, pi

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from wan_streamer.media.cutter import UnitCutter
from wan_streamer.media.formats import AudioFormat, UnitFormat
from wan_streamer.media.resampler import UnitResampler, filter_table

RATES = [(8000, 16000), (11025, 16000), (22050, 24000), (44100, 16000), (48000, 16000), (44100, 48000), (44101, 16000)]


def resample_units(resampler: UnitResampler, source: NDArray[np.float32], units: range) -> NDArray[np.float32]:
    """Several units of one source; outside of it is silence."""
    margin = 4096
    padded = np.pad(source, margin)
    cut = []
    for unit_index in units:
        begin, end = resampler.window(unit_index)
        cut.append(resampler.resample(unit_index, padded[begin + margin : end + margin]))
    return np.concatenate(cut)


@pytest.mark.parametrize(("source_hz", "target_hz"), RATES)
def test_positions_equal_exact_fractions(source_hz: int, target_hz: int) -> None:
    """Where units begin, and which source samples they see, is what exact fractions say, up to a day of units."""
    resampler = UnitResampler(source_hz, target_hz)
    per_unit = target_hz * 160 // 1000
    reach = ceil(32 * Fraction(max(source_hz, target_hz), target_hz))
    for unit_index in [0, 1, 7, 22_500, 540_000]:
        first = Fraction(unit_index * per_unit * source_hz, target_hz)
        last = Fraction(((unit_index + 1) * per_unit - 1) * source_hz, target_hz)
        assert resampler.unit_begin(unit_index) == ceil(first)
        assert resampler.window(unit_index) == (first.__floor__() - reach + 1, last.__floor__() + reach + 1)
        assert resampler.target_index(ceil(first)) == ceil(ceil(first) * Fraction(target_hz, source_hz))


@pytest.mark.parametrize(("source_hz", "target_hz"), RATES)
@pytest.mark.parametrize("tone_hz", [50.0, 440.0, 3000.0])
def test_a_tone_keeps_frequency_phase_and_level(source_hz: int, target_hz: int, tone_hz: float) -> None:
    """A resampled sine equals the sine computed at the target's own times, far into the stream, to -75 dB."""
    resampler = UnitResampler(source_hz, target_hz)
    unit_index = 22_500
    begin, end = resampler.window(unit_index)
    source = np.sin(2 * pi * ((np.arange(begin, end) * tone_hz / source_hz) % 1.0)).astype(np.float32)
    samples = unit_index * resampler.samples_per_unit + np.arange(resampler.samples_per_unit)
    truth = np.sin(2 * pi * ((samples * tone_hz / target_hz) % 1.0))
    np.testing.assert_allclose(resampler.resample(unit_index, source), truth, atol=10 ** (-75 / 20))


@pytest.mark.parametrize(("source_hz", "target_hz"), RATES)
def test_it_agrees_with_soxr(source_hz: int, target_hz: int) -> None:
    """On band-limited noise the units differ from soxr's whole-signal result by under -60 dB, without any shift."""
    generator = np.random.default_rng(7)
    noise = generator.standard_normal(source_hz).astype(np.float32)
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(len(noise), 1 / source_hz) > 0.40 * min(source_hz, target_hz)] = 0
    source = (0.1 * np.fft.irfft(spectrum, len(noise))).astype(np.float32)
    truth = soxr.resample(source, source_hz, target_hz, quality="VHQ")
    resampler = UnitResampler(source_hz, target_hz)
    ours = resample_units(resampler, source, range(6))
    middle = slice(target_hz // 10, 9 * target_hz // 10)
    error = np.sqrt(np.mean((ours[middle] - truth[middle]) ** 2) / np.mean(truth[middle] ** 2))
    assert 20 * np.log10(error) < -60


@pytest.mark.parametrize("tone_hz", [9_500.0, 12_000.0, 15_900.0, 23_000.0])
def test_what_the_target_cannot_hold_is_removed(tone_hz: float) -> None:
    """Tones above the target's Nyquist frequency do not fold back: they are 75 dB down."""
    resampler = UnitResampler(48000, 16000)
    begin, end = resampler.window(3)
    source = np.sin(2 * pi * np.arange(begin, end) * tone_hz / 48000).astype(np.float32)
    assert np.abs(resampler.resample(3, source)).max() < 10 ** (-75 / 20)


def test_equal_rates_pass_through() -> None:
    """At equal rates a unit is its source samples, bit for bit, and needs none beyond its end."""
    resampler = UnitResampler(16000, 16000)
    source = np.random.default_rng(1).standard_normal(2560).astype(np.float32)
    assert resampler.window(5) == (5 * 2560, 6 * 2560)
    np.testing.assert_array_equal(resampler.resample(5, source), source)


@pytest.mark.parametrize(("source_hz", "target_hz"), RATES)
def test_it_waits_at_most_four_milliseconds(source_hz: int, target_hz: int) -> None:
    """The source needed beyond a unit's end is 32 samples of the lower rate: 4 ms at 8 kHz, less above."""
    resampler = UnitResampler(source_hz, target_hz)
    beyond = resampler.window(4)[1] - resampler.unit_begin(5)
    assert beyond <= 32 * source_hz / min(source_hz, target_hz) + 1
    assert beyond * 1000 <= 4 * source_hz


def test_the_filter_is_made_with_the_cutter_and_shared_by_all_of_its_rates() -> None:
    """Making a cutter makes the table of its rates, once a process; cutting makes none, and nobody can change it."""
    filter_table.cache_clear()
    target = UnitFormat(audio_sample_rate_hz=16000, video_width=32, video_height=16)
    for expected in ((0, 1), (1, 1)):
        cutter = UnitCutter(AudioFormat(sample_rate_hz=44100, channel_count=1), None, target)
        for first_sample_index in range(0, 2 * 7056, 7056):
            cutter.push_audio(first_sample_index, first_sample_index * 1000 // 44100 * 1000, bytes(2 * 7056))
        cutter.cut()
        assert filter_table.cache_info()[:2] == expected
    with pytest.raises(ValueError, match="read-only"):
        filter_table(44100, 16000)[0] = 0
