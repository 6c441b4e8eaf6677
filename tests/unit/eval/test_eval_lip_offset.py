"""Lip offsets on curves and sounds that are made up, so that the answer is known."""

import numpy as np
import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.lip_offset import find_lip_offset, lip_curve_correlation
from wan_streamer.eval.openness import fit_openness, load_openness, openness_features
from wan_streamer.eval.validation.films import blink_frames, shift_sound

RATE_HZ = 16000


def smooth_noise(count: int, width: int, seed: int) -> np.ndarray:
    window = np.hanning(width)
    return np.convolve(np.random.default_rng(seed).normal(0, 1, count + width), window / window.sum(), "valid")[:count]


def lips_and_openness(seconds: float, offset_ms: float, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A lip gap at 25 Hz, and an openness at 100 Hz that comes `offset_ms` later."""
    fine = smooth_noise(int(seconds * 1000) + 2000, 150, seed)
    frames = (np.arange(int(seconds * 25)) + 0.5) * 40 + 1000
    steps = np.arange(int(seconds * 100)) * 10 + 1000 - offset_ms
    gap = np.interp(frames, np.arange(len(fine)), fine)
    heard = np.interp(steps, np.arange(len(fine)), fine)
    random = np.random.default_rng(seed + 1)
    return gap, heard * 3 + 5 + noise * heard.std() * 3 * random.normal(0, 1, len(heard))


@pytest.mark.parametrize("offset_ms", [-120, -80, -40, -13, 0, 5, 40, 80, 120])
def test_a_known_offset_is_found(offset_ms: float) -> None:
    """Offsets between frames too, within 5 ms, under noise as strong as half of the curve."""
    errors = [
        find_lip_offset(*lips_and_openness(4, offset_ms, 0.5, seed)).offset_ms - offset_ms for seed in range(0, 40, 2)
    ]
    assert np.median(np.abs(errors)) < 5
    assert np.mean(np.abs(errors) < 20) >= 0.9


def test_frames_without_a_face_are_left_out() -> None:
    """A third of the frames missing does not move the offset; hardly any left is an error, not a number."""
    gap, heard = lips_and_openness(5, 80, 0.1, 0)
    gap[30:70] = np.nan
    assert find_lip_offset(gap, heard).offset_ms == pytest.approx(80, abs=5)
    gap[10:] = np.nan
    with pytest.raises(InvalidInput, match="10 frames with a face, expected 25"):
        find_lip_offset(gap, heard)


def test_still_lips_are_an_error() -> None:
    """Without movement there is no offset."""
    with pytest.raises(InvalidInput, match="lips that move"):
        find_lip_offset(np.ones(100), np.arange(400.0))
    with pytest.raises(InvalidInput, match="do not move"):
        lip_curve_correlation(np.ones(100), np.arange(100.0))


def test_what_does_not_belong_together_fits_badly() -> None:
    """The correlation tells lips of this sound from lips of another."""
    gap, _ = lips_and_openness(8, 0, 0.1, 0)
    mine, other = (find_lip_offset(gap, lips_and_openness(8, 0, 0.1, seed)[1]).correlation for seed in (0, 5))
    assert mine > 0.9
    assert other < 0.6


def tones(loudness: np.ndarray, seed: int) -> np.ndarray:
    carrier = np.random.default_rng(seed).normal(0, 0.1, len(loudness))
    return (carrier * loudness).astype(np.float32)


def test_openness_is_learned_from_sound() -> None:
    """Where louder means wider, a fit to some clips finds the shift of another one's sound within 20 ms."""

    def clip(seed: int) -> tuple[np.ndarray, int, np.ndarray]:
        curve = np.clip(smooth_noise(4 * RATE_HZ, RATE_HZ // 5, seed) * 60, 0, None)
        frames = ((np.arange(100) + 0.5) * 0.04 * RATE_HZ).astype(int)
        return tones(curve + 0.01, seed), RATE_HZ, curve[frames]

    model = fit_openness([clip(seed) for seed in range(6)])
    samples, rate_hz, gap = clip(9)
    for shift_ms in (-120, 0, 80):
        heard = model.hear(shift_sound(samples, rate_hz, shift_ms), rate_hz)
        assert find_lip_offset(gap, heard).offset_ms == pytest.approx(shift_ms, abs=20)


def test_the_level_of_a_recording_does_not_matter() -> None:
    """A sound a hundred times quieter has the same features."""
    sound = tones(np.ones(RATE_HZ), 0)
    assert np.allclose(openness_features(sound), openness_features(sound / 100), atol=1e-3)


def test_the_weights_that_ship_are_whole() -> None:
    """They fit the features and are finite."""
    heard = load_openness().hear(tones(np.ones(RATE_HZ), 0), RATE_HZ)
    assert heard.shape == (101,)
    assert np.isfinite(heard).all()


def test_sound_is_shifted_both_ways() -> None:
    """Later puts silence before it, earlier after it; the length stays."""
    sound = np.arange(1, 101, dtype=np.float32)
    assert shift_sound(sound, 1000, 10).tolist() == [0.0] * 10 + sound[:90].tolist()
    assert shift_sound(sound, 1000, -10).tolist() == sound[10:].tolist() + [0.0] * 10


def test_commanded_blinks_are_counted_once() -> None:
    """One frame a blink, the one in which the lid is shut the most."""
    lid = np.asarray([0, 0.5, 0.8, 1.0, 0.9, 0.2, 0, 0.75, 0], np.float32)
    assert blink_frames(lid) == [3, 7]
