import numpy as np
import pytest

from tests.unit.eval_codec.made_up_codecs import moving_square, noise
from wan_streamer.eval.codec.h264_baseline import BEST_CRF, DEFAULT, STREAMING, through_h264, through_h264_at
from wan_streamer.eval.codec.opus_baseline import through_opus
from wan_streamer.eval.codec.picture_error import psnr_db

RATE_HZ = 16_000


def test_psnr_is_the_formula_over_all_values() -> None:
    """Two pictures of other sizes give one mean squared error; equal ones have none."""
    random = np.random.default_rng(0)
    first, second = (random.integers(0, 256, (size, size, 3), dtype=np.uint8) for size in (8, 16))
    pairs = [(first, first // 2), (second, second)]
    squared = np.square(first.astype(float) - first // 2).sum() / (first.size + second.size)
    assert psnr_db(pairs) == pytest.approx(10 * np.log10(255**2 / squared))
    assert psnr_db([(first, first)]) == float("inf")


@pytest.mark.parametrize("bits_per_s", [6_000, 12_000])
def test_opus_costs_what_is_asked_and_stays_in_time(bits_per_s: int) -> None:
    """The rate is constant, within 10 %; what comes back fits best without a shift and is as long."""
    samples = np.convolve(noise(25, RATE_HZ, 0), np.hanning(24) / 4, "same").astype(np.float32)
    coded = through_opus(samples, RATE_HZ, bits_per_s)
    assert coded.samples.shape == samples.shape
    assert coded.bit_count / (len(samples) / RATE_HZ) == pytest.approx(bits_per_s, rel=0.1)
    shifts = range(-160, 161)
    fits = [float(samples[1000:50000] @ coded.samples[1000 + shift : 50000 + shift]) for shift in shifts]
    assert abs(shifts[int(np.argmax(fits))]) <= 16


@pytest.mark.parametrize("options", [STREAMING, DEFAULT])
def test_h264_comes_close_to_the_wanted_bits(options: dict[str, str]) -> None:
    """The size is within 5 % of what was asked for, and the films keep their shapes."""
    random = np.random.default_rng(0)
    films = [moving_square(6, seed, 64) for seed in range(2)]
    # Grain, so that there is enough to spend bits on.
    films = [film + random.integers(0, 20, film.shape, dtype=np.uint8) for film in films]
    wanted = sum(len(film) for film in films) * 4000.0
    coded = through_h264_at(films, options, wanted)
    assert coded.bit_count == pytest.approx(wanted, rel=0.05)
    assert [film.shape for film in coded.films] == [film.shape for film in films]


def test_h264_spends_no_bits_that_it_cannot_use() -> None:
    """When the best quality needs less than was asked for it is nearly the best quality."""
    coded = through_h264_at([np.full((8, 32, 32, 3), 90, np.uint8)], STREAMING, 1e9)
    assert coded.crf == pytest.approx(BEST_CRF, abs=0.1)
    assert coded.bit_count < 1e6


def test_h264_keeps_order_and_colours() -> None:
    """At a good quality each frame is nearest to its own original, with B-frames too, and red stays red."""
    film = moving_square(5, 3, 64)
    coded = through_h264([film], DEFAULT, 4.0).films[0]
    assert psnr_db([(film, coded)]) > 30
    assert np.abs(coded[0, 12].mean(0) - film[0, 12].mean(0)).max() < 4
