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
from wan_streamer.model.shipped import shipped_codec
from wan_streamer.train.media_units import file_units
from wan_streamer.train.video_data import as_frames

CLIP = Path(__file__).parents[2] / "examples" / "visitor.mp4"
MAX_BYTES = 8_000_000


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_they_are_those_of_the_preset_and_say_where_they_come_from(kind: str) -> None:
    """Each file fits nano, and names command, seed, data, steps, hardware and date."""
    trained = load_codec(shipped_codec("nano", kind), kind)
    assert trained.config == {"audio": nano().agent_audio, "video": nano().agent_video}[kind]
    assert {"command", "seed", "data_sha256", "steps", "hardware", "date"} <= trained.metadata.keys()
    assert bool((trained.latent_deviation > 0).all())


def test_they_are_small() -> None:
    """Both codecs together take less than 8 MB of the package."""
    assert sum(shipped_codec("nano", kind).stat().st_size for kind in ("audio", "video")) < MAX_BYTES


def test_the_audio_codec_is_trained() -> None:
    """The visitor's own voice, never learned from, comes back far closer than through untrained weights."""
    config = nano().agent_audio
    target = UnitFormat(audio_sample_rate_hz=config.sample_rate_hz, video_width=16, video_height=16)
    samples = np.concatenate([unit.audio for unit in file_units(read_media(CLIP), target)])
    original = torch.from_numpy(samples)[None]
    log_mel = LogMel(config.sample_rate_hz, config.mel_bands)
    torch.manual_seed(0)
    distances = []
    for codec in (load_codec(shipped_codec("nano", "audio"), "audio").codec, AudioCodec(config)):
        with torch.inference_mode():
            decoded = codec.decode(codec.encode(original)[0])
        distances.append(float((log_mel(decoded) - log_mel(original)).abs().mean()))
    assert distances[0] < 1.5 < 3.0 < distances[1]


def test_the_video_codec_is_trained() -> None:
    """The visitor's own pictures, never learned from, come back at 20 dB and more."""
    config = nano().agent_video
    target = UnitFormat(audio_sample_rate_hz=16_000, video_width=config.width, video_height=config.height)
    frames = torch.stack([as_frames(unit.video) for unit in file_units(read_media(CLIP), target)])[None, :40]
    codec = load_codec(shipped_codec("nano", "video"), "video").codec
    with torch.inference_mode():
        decoded = codec.decode(codec.encode(frames)[0])
    mean_squared = float(((decoded - frames) / 2).square().mean())
    assert -10 * np.log10(mean_squared) > 20.0
