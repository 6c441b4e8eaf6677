import numpy as np
import pytest

from tests.unit.eval_codec.made_up_codecs import moving_square, noise
from wan_streamer.eval.codec.unit_curves import energy_every_ms, frame_changes
from wan_streamer.eval.codec.unit_rhythm import Curve, compare_rhythm, harmonic_ratios, rhythm

RATE_HZ = 8000
UNIT_SAMPLES, UNIT_MS, FRAMES = 1280, 160, 4


def sounds() -> list[np.ndarray]:
    return [noise(20, RATE_HZ, seed) for seed in range(10)]


def energies(clips: list[np.ndarray]) -> list[Curve]:
    return [energy_every_ms(clip, RATE_HZ) for clip in clips]


def test_energy_is_the_mean_square_of_each_millisecond() -> None:
    """A millisecond of 0.5 has the energy 0.25, and its neighbours have none."""
    samples = np.zeros(UNIT_SAMPLES, np.float32)
    samples[8:16] = 0.5
    np.testing.assert_allclose(energy_every_ms(samples, RATE_HZ)[:4], [0, 0.25, 0, 0])


def test_original_beats_no_more_than_itself_or_chance() -> None:
    """Sound that knows nothing of units has a rhythm near 1, and the same sound with other noise is not above it."""
    original = sounds()
    random = np.random.default_rng(1)
    noisy = [clip + 1e-3 * random.standard_normal(len(clip)).astype(np.float32) for clip in original]
    change = compare_rhythm(energies(original), energies(noisy), UNIT_MS)
    assert 0.7 < change.original < 1.4
    assert change.coded <= change.limit


@pytest.mark.parametrize(("height", "growth"), [(0.1, 1.15), (0.3, 10.0)])
def test_click_every_unit_is_found(height: float, growth: float) -> None:
    """One raised sample at the border of each unit is above the original, the louder the more."""
    clicking = sounds()
    for clip in clicking:
        clip[::UNIT_SAMPLES] += height
    change = compare_rhythm(energies(sounds()), energies(clicking), UNIT_MS)
    assert change.coded > change.limit
    assert change.coded > growth * change.original


def test_click_that_keeps_no_step_is_not_found() -> None:
    """Clicks as loud and as many, at random places, are no rhythm."""
    random = np.random.default_rng(2)
    clicking = sounds()
    for clip in clicking:
        clip[random.integers(0, len(clip), 20)] += 0.3
    assert rhythm(energies(clicking), UNIT_MS) < 1.5


def test_only_the_harmonics_of_a_beat_are_raised() -> None:
    """A swell of 25 Hz raises the fourth harmonic of 6.25 Hz more than all others."""
    time_ms = np.arange(40 * UNIT_MS)
    swell = np.random.default_rng(3).standard_normal(len(time_ms)) + np.sin(2 * np.pi * 25 * time_ms / 1000)
    assert harmonic_ratios([swell], UNIT_MS).argmax() == 3


def test_ratio_agrees_with_a_sum_over_the_signal() -> None:
    """The first harmonic's power is that of a plain sum against a turning phase."""
    curve = np.random.default_rng(4).standard_normal(8 * FRAMES)
    centred, time = curve - curve.mean(), np.arange(len(curve))

    def power(bin_: int) -> float:
        return float(abs(np.sum(centred * np.exp(-2j * np.pi * bin_ * time / len(curve)))) ** 2)

    expected = power(8) / np.mean([power(bin_) for bin_ in (5, 6, 7, 9, 10, 11)])
    assert harmonic_ratios([curve], FRAMES)[0] == pytest.approx(expected)


def test_flicker_every_fourth_frame_is_found() -> None:
    """Units whose first frame is four levels brighter flicker; the film itself does not."""
    films = [moving_square(20, seed) for seed in range(8)]
    flickering = [film.copy() for film in films]
    for film in flickering:
        film[::FRAMES] += 4
    still = compare_rhythm([frame_changes(film) for film in films], [frame_changes(film) for film in films], FRAMES)
    change = compare_rhythm(
        [frame_changes(film) for film in films], [frame_changes(film) for film in flickering], FRAMES
    )
    assert still.coded <= still.limit
    assert change.coded > change.limit
    assert change.coded > 5 * change.original


def test_frame_changes_begin_with_the_second_unit() -> None:
    """A jump between the first two units is the first change, and there are whole units of them."""
    film = np.zeros((12, 2, 2, 3), np.uint8)
    film[4:] = 10
    np.testing.assert_allclose(frame_changes(film), [10, 0, 0, 0, 0, 0, 0, 0])


def test_still_pictures_keep_no_step() -> None:
    """Where nothing changes at all the rhythm is 1, not undefined."""
    assert rhythm([np.zeros(40 * FRAMES)], FRAMES) == 1.0
