"""The weights that ship: whole, small, of this configuration, with their provenance, and trained."""

from pathlib import Path

import numpy as np
import pytest
import torch

from wan_streamer.media.files import read_media
from wan_streamer.media.formats import UnitFormat
from wan_streamer.model.audio_codec import AudioCodec
from wan_streamer.model.causal import LogMel
from wan_streamer.model.codec_weights import load_codec
from wan_streamer.model.presets import nano
from wan_streamer.train.codec_file import SHIPPED
from wan_streamer.train.media_units import file_units

FILE = SHIPPED / "nano-audio-codec.safetensors"
CLIP = Path(__file__).parents[2] / "examples" / "visitor.mp4"
MAX_BYTES = 16_000_000

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="this checkout ships no audio codec weights")


def test_they_are_those_of_the_preset_and_say_where_they_come_from() -> None:
    """The file is small enough to ship, fits nano, and names command, seed, data, steps, hardware and date."""
    trained = load_codec(FILE, "audio")
    assert FILE.stat().st_size < MAX_BYTES
    assert trained.config == nano().agent_audio
    assert {"command", "seed", "data_sha256", "steps", "hardware", "date"} <= trained.metadata.keys()
    assert bool((trained.latent_deviation > 0).all())


def test_they_are_trained() -> None:
    """The visitor's own voice, never learned from, comes back far closer than through untrained weights."""
    config = nano().agent_audio
    target = UnitFormat(audio_sample_rate_hz=config.sample_rate_hz, video_width=16, video_height=16)
    samples = np.concatenate([unit.audio for unit in file_units(read_media(CLIP), target)])
    original = torch.from_numpy(samples)[None]
    log_mel = LogMel(config.sample_rate_hz, config.mel_bands)
    torch.manual_seed(0)
    distances = []
    for codec in (load_codec(FILE, "audio").codec, AudioCodec(config)):
        with torch.inference_mode():
            decoded = codec.decode(codec.encode(original)[0])
        distances.append(float((log_mel(decoded) - log_mel(original)).abs().mean()))
    assert distances[0] < 1.5 < 3.0 < distances[1]
