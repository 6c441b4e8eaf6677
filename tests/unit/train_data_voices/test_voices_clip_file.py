"""Clips on disk."""

import numpy as np
import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.spoken_clip import Phone, SpokenClip
from wan_streamer.train.data.voices.clip_file import StoredClip, clip_from_bytes, clip_to_bytes, quantize


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 24_000])
def test_a_clip_is_read_as_it_was_written(rate_hz: int) -> None:
    """To the sample and the microsecond, also where the length is no multiple of anything."""
    samples = quantize(np.random.default_rng(0).uniform(-1, 1, 12_347).astype(np.float32))
    clip = SpokenClip(
        voice="flite-slt",
        text="Hello, “you”!",
        sample_rate_hz=rate_hz,
        samples=samples,
        words=((10, 20), (30, 401)),
        phones=(Phone(name="SIL", begin_us=0, end_us=10), Phone(name="HH", begin_us=10, end_us=401)),
    )
    read = clip_from_bytes(clip_to_bytes(StoredClip(clip=clip, how="wide")))
    assert read.how == "wide"
    assert np.array_equal(read.clip.samples, samples)
    assert read.clip.samples.dtype == np.float32
    for name in ("voice", "text", "sample_rate_hz", "words", "phones"):
        assert getattr(read.clip, name) == getattr(clip, name)


@pytest.mark.parametrize("data", [b"", b"fLaC nonsense", b"\0" * 200])
def test_a_damaged_file_is_an_error(data: bytes) -> None:
    """It says so and what to do."""
    with pytest.raises(InvalidInput, match="delete it"):
        clip_from_bytes(data)
