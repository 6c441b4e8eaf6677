import numpy as np
import pytest
import torch

from tests.unit.eval_codec.made_up_codecs import moving_square, noise, small_audio_codec, small_video_codec
from wan_streamer.eval.codec.coded_stream import (
    film_through,
    film_units,
    sound_through,
    sound_units,
    streaming_difference,
)
from wan_streamer.eval.codec.latent_rounding import kilobits_per_s, latent_codes, latents_of
from wan_streamer.model.presets import nano


def test_rates_are_those_of_eight_bits_a_latent() -> None:
    """nano's codecs cost 6.4 and 89.6 kbps."""
    assert kilobits_per_s(nano().agent_audio) == pytest.approx(25 * 32 * 8 / 1000)
    assert kilobits_per_s(nano().agent_video) == pytest.approx(28 * 64 * 6.25 * 8 / 1000)


def test_codes_are_bytes_and_come_back_within_half_a_step() -> None:
    """Latents within 7.9 deviations return within 1/32 of a deviation; farther ones are clipped."""
    trained = small_audio_codec()
    standard = torch.linspace(-7.9, 7.9, 999)[:, None].expand(-1, 4)
    latents = standard * trained.latent_deviation + trained.latent_mean
    codes = latent_codes(latents, trained)
    assert codes.dtype == torch.int8
    assert float((latents_of(codes, trained) - latents).abs().max()) <= 0.5 / 32 + 1e-6
    far = latent_codes(torch.tensor([1e6, -1e6, 0.1, 0.1]), trained)
    assert far.tolist() == [127, -128, 0, 0]


def test_sound_comes_from_rounded_latents_unit_by_unit() -> None:
    """The stream gives what decoding the rounded latents of the whole gives, which is not what exact latents give."""
    trained, samples = small_audio_codec(), noise(6, 8000, 0)
    with torch.inference_mode():
        mean, _ = trained.codec.encode(torch.from_numpy(samples)[None])
        rounded = trained.codec.decode(latents_of(latent_codes(mean, trained), trained))[0].numpy()
        exact = trained.codec.decode(mean)[0].numpy()
    streamed = sound_through(trained, samples)
    assert streamed.shape == samples.shape
    assert np.abs(streamed - rounded).max() < 0.1 * np.abs(streamed - exact).max()


def test_films_come_back_in_their_shape() -> None:
    """Pictures in, as many pictures of the same size out."""
    film = moving_square(3, 0)
    coded = film_through(small_video_codec(), film)
    assert coded.shape == film.shape
    assert coded.dtype == np.uint8


def test_streaming_equals_one_pass() -> None:
    """Without rounding, unit by unit equals all at once."""
    audio, video = small_audio_codec(), small_video_codec()
    # In float32 the last bit of a pitch may move the phase of its overtones.
    assert streaming_difference(audio, sound_units(audio, noise(5, 8000, 1))) < 1e-3
    assert streaming_difference(video, film_units(moving_square(4, 1))) < 1e-5
