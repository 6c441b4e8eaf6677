"""Whisper's encoder as an ear: the same in pieces and whole, late by a known time, and what CTranslate2 makes of it."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.media.files import read_media
from wan_streamer.media.formats import UnitFormat
from wan_streamer.model.config import HEARD_LETTERS, STEPS_PER_TOKEN
from wan_streamer.model.ear import EAR_SAMPLE_RATE_HZ, TOKENS_PER_UNIT, UNIT_SAMPLES
from wan_streamer.model.model_weights import trained_tensors
from wan_streamer.model.presets import nano
from wan_streamer.model.presets import untrained as untrained_model
from wan_streamer.model.speller import DILATIONS, KERNEL
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.model.whisper_ear import (
    BLOCK_WINDOWS,
    UNITS_PER_WINDOW,
    WINDOW_SAMPLES,
    WhisperEar,
    load_whisper_ear,
)
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.recipes import whisper_tiny
from wan_streamer.train.media_units import file_units
from wan_streamer.train.whisper_ear_weights import (
    MODEL_FILE,
    WhisperEarWeightsOptions,
    whisper_ear_from_package,
    write_whisper_ear_weights,
)

CLIP = Path(__file__).parents[2] / "examples" / "visitor.mp4"
# A token is 20 ms; the newest that a unit gives ends 0.4 s before the unit does.
LATE_SAMPLES = EAR_SAMPLE_RATE_HZ * 4 // 10


@cache
def untrained(dtype: torch.dtype = torch.float32) -> WhisperEar:
    torch.manual_seed(0)
    ear = WhisperEar().eval()
    return ear.to(dtype)


def noise(unit_count: int, *, batch: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
    torch.manual_seed(1)
    return 0.1 * torch.randn(batch, unit_count * UNIT_SAMPLES, dtype=dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_chunks_equal_whole(dtype: torch.dtype, tolerance: float) -> None:
    """A stream in pieces of any number of units gives what one call gives, over more windows than one pass takes."""
    ear, units = untrained(dtype), (1, 1, 1, 2, 3, 4, 2 * BLOCK_WINDOWS)
    samples = noise(sum(units), batch=2, dtype=dtype)
    whole = ear(samples)
    with streaming(Stream.of(ear, batch=2)):
        pieces = [ear(piece) for piece in samples.split([count * UNIT_SAMPLES for count in units], dim=1)]
    assert whole.shape == (2, sum(units), 2, HEARD_LETTERS)
    # Chances of letters and of none.
    torch.testing.assert_close(whole.unflatten(3, (4, -1)).sum(dim=4), torch.ones(2, sum(units), 2, 4, dtype=dtype))
    # States are kept in float32, so a float64 stream is float32 where it was remembered.
    limit = tolerance if dtype == torch.float32 else max(tolerance, 1e-5)
    assert (torch.cat(pieces, dim=1) - whole).abs().max() <= limit


def test_future_leaves_the_past_alone() -> None:
    """Units before a change are bit-identical; what changed 0.4 s before the end of a unit is heard in that unit."""
    samples = noise(24)
    at = 16 * UNIT_SAMPLES
    changed = samples.clone()
    changed[:, at:] += 0.2 * torch.randn_like(changed[:, at:])
    before, after = untrained()(samples)[0], untrained()(changed)[0]
    assert torch.equal(before[:16], after[:16])
    # The tokens of a unit cover 160 ms that end LATE_SAMPLES before it does.
    heard_in = (at + LATE_SAMPLES) // UNIT_SAMPLES
    assert (before[heard_in] - after[heard_in]).abs().max() > 1e-3


def test_it_forgets() -> None:
    """What lies before a window, and the past of what spells, does not count."""
    samples = noise(24)
    old = samples.clone()
    spelling_units = -(-(KERNEL - 1) * sum(DILATIONS) // (TOKENS_PER_UNIT * STEPS_PER_TOKEN))
    old[:, : -WINDOW_SAMPLES - (UNITS_PER_WINDOW + spelling_units) * UNIT_SAMPLES] = 0
    assert torch.equal(untrained()(samples)[:, -1], untrained()(old)[:, -1])


def test_a_model_hears_with_both_ears() -> None:
    """A token's letters, then the other ear's 96 features; the Transformer's weights do not hold it."""
    config = nano()
    model = untrained_model(config, 0)
    samples = noise(5)
    heard = model.hear(samples)
    assert heard.shape == (1, 5, 2, config.user_audio.heard_features)
    assert torch.equal(heard[..., :HEARD_LETTERS], model.user_audio.whisper(samples))
    assert torch.equal(heard[..., HEARD_LETTERS:], model.user_audio.ear(samples))
    assert model.embed_heard(heard).shape == (1, 5, 2, config.backbone.width)
    assert not any("whisper" in name for name in trained_tensors(model))


@pytest.mark.parametrize("count", [0, UNIT_SAMPLES - 1])
def test_it_refuses_a_broken_unit(count: int) -> None:
    """Samples that are no whole units are refused with both numbers."""
    with pytest.raises(ValueError, match=f"got {count} samples, expected a positive multiple of the unit's 2560"):
        untrained()(torch.zeros(1, count))


def test_bad_weights_are_refused(tmp_path: Path) -> None:
    """No file and that of another network are each refused with what to do; so is a package with another content."""
    other = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, other)
    for path, reason in ((tmp_path / "no", "WEIGHTS_MISSING"), (other, "WEIGHTS_DAMAGED")):
        with pytest.raises(InvalidInput, match="whisper_ear_weights --out") as caught:
            load_whisper_ear(path)
        assert caught.value.reason == reason
    model = tmp_path / MODEL_FILE
    for content in (None, b"no model"):
        if content:
            model.parent.mkdir(parents=True)
            model.write_bytes(content)
        with pytest.raises(InvalidInput, match="delete the folder") as caught:
            whisper_ear_from_package(tmp_path)
        assert caught.value.reason == "WEIGHTS_DAMAGED"


# From here on: against the published file.


@cache
def package_folder() -> Path:
    (package,) = whisper_tiny().packages
    if not DataCache(default_root()).has(package):
        pytest.skip("whisper-tiny is not fetched: python -m wan_streamer.train.whisper_ear_weights --out FILE")
    return DataCache(default_root()).fetch(package)


def speech() -> Tensor:
    target = UnitFormat(audio_sample_rate_hz=EAR_SAMPLE_RATE_HZ, video_width=16, video_height=16)
    samples = np.concatenate([unit.audio for unit in file_units(read_media(CLIP), target)])
    return torch.from_numpy(samples[: 60 * UNIT_SAMPLES].astype(np.float32))


def test_the_filters_are_whispers() -> None:
    """Slaney's mel filters are those of faster-whisper's front end."""
    extractor = pytest.importorskip("faster_whisper.feature_extractor", reason="has Whisper's front end")
    published = torch.from_numpy(extractor.FeatureExtractor().mel_filters).T.float()
    torch.testing.assert_close(untrained().mel.filters, published, rtol=1e-4, atol=1e-6)


def test_it_is_what_ctranslate2_gives() -> None:
    """Thirty seconds of speech through our encoder are CTranslate2's encoding of the same energies, in float32."""
    ctranslate2 = pytest.importorskip("ctranslate2", reason="runs the published file")
    ear = whisper_ear_from_package(package_folder())
    mel = torch.full((1, 80, 3000), -1.0)
    heard = ear.mel(speech()[None])
    mel[:, :, : heard.shape[2]] = heard
    model = ctranslate2.models.Whisper(str((package_folder() / MODEL_FILE).parent), compute_type="float32")
    expected = np.array(model.encode(ctranslate2.StorageView.from_array(mel.numpy())))
    found = ear.encoder(mel).numpy()
    # The file has Whisper's positions in float16.
    assert np.sqrt(np.square(found - expected).mean()) <= 1e-3 * expected.std()


def test_the_command_writes_what_loads(tmp_path: Path) -> None:
    """The encoder of the command's 8-bit weights gives the published one's tokens, but for a few hundredths."""
    package_folder()
    out = tmp_path / "new" / "whisper-ear.safetensors"
    write_whisper_ear_weights(WhisperEarWeightsOptions(out=out), Console(quiet=True))
    published, written = (
        ear.encoder(ear.mel(speech()[None, :WINDOW_SAMPLES]))[0]
        for ear in (whisper_ear_from_package(package_folder()), load_whisper_ear(out))
    )
    assert out.stat().st_size < 10_000_000
    assert (written - published).square().mean().sqrt() < 0.1 * published.std()
