"""The pretrained ear: causal, the same in pieces and whole, and what onnxruntime makes of the same files."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.media.files import read_media
from wan_streamer.media.formats import INT16_SCALE, UnitFormat
from wan_streamer.model.ear import (
    BLOCK_UNITS,
    EAR_FEATURES,
    EAR_SAMPLE_RATE_HZ,
    TOKENS_PER_UNIT,
    UNIT_SAMPLES,
    Ear,
    load_ear,
)
from wan_streamer.model.streaming import Stream, streaming
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.recipes import speech_embedding
from wan_streamer.train.ear_weights import (
    MEL_FILE,
    NETWORK_FILE,
    EarWeightsOptions,
    ear_from_package,
    write_ear_weights,
)
from wan_streamer.train.media_units import file_units

WEIGHTS = Path(__file__).parents[2] / "wan_streamer" / "weights" / "ear.safetensors"
CLIP = Path(__file__).parents[2] / "examples" / "visitor.mp4"
MAX_BYTES = 1_300_000
TOKEN_SAMPLES = UNIT_SAMPLES // TOKENS_PER_UNIT
HOP_SAMPLES, WINDOW_SAMPLES, FFT_SIZE, TOKEN_FRAMES, WINDOW_FRAMES = 160, 400, 512, 8, 76
# What one token can hear: 76 frames, and the rest of the 80 ms of the oldest, whose loudest frame limits it.
REACH_SAMPLES = 10 * TOKEN_SAMPLES + WINDOW_SAMPLES - HOP_SAMPLES


@cache
def shipped(dtype: torch.dtype = torch.float32) -> Ear:
    return load_ear(WEIGHTS).to(dtype)


def noise(unit_count: int, *, batch: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
    torch.manual_seed(0)
    return 0.1 * torch.randn(batch, unit_count * UNIT_SAMPLES, dtype=dtype)


def scale(features: Tensor) -> float:
    return max(1.0, float(features.abs().max()))


def test_it_gives_two_tokens_a_unit_and_is_frozen() -> None:
    """Features are [batch, units, 2, 96], and no weight of it can be trained."""
    assert shipped()(noise(3, batch=2)).shape == (2, 3, TOKENS_PER_UNIT, EAR_FEATURES)
    assert not any(parameter.requires_grad for parameter in shipped().parameters())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-10)])
def test_chunks_equal_whole(dtype: torch.dtype, tolerance: float) -> None:
    """A stream fed in pieces of one or more units gives what one call gives, over more units than one pass takes."""
    ear, units = shipped(dtype), (1, 1, 1, 2, 5, BLOCK_UNITS)
    samples = noise(sum(units), batch=2, dtype=dtype)
    whole = ear(samples)
    with streaming(Stream.of(ear, batch=2)):
        pieces = [ear(piece) for piece in samples.split([count * UNIT_SAMPLES for count in units], dim=1)]
    assert (torch.cat(pieces, dim=1) - whole).abs().max() <= tolerance * scale(whole)


def test_future_leaves_the_past_alone() -> None:
    """A change in the second 80 ms of the last unit leaves all tokens before bit-identical, and is heard in its own."""
    samples = noise(4)
    changed = samples.clone()
    changed[:, -TOKEN_SAMPLES:] += 0.1
    before, after = shipped()(samples).flatten(1, 2), shipped()(changed).flatten(1, 2)
    assert torch.equal(before[:, :-1], after[:, :-1])
    assert (before[:, -1] - after[:, -1]).abs().max() > 0.1


def test_it_hears_the_newest_frame() -> None:
    """A click 5 ms before the end of a token's 80 ms is heard in that token: nothing waits for later sound."""
    samples = noise(2)
    changed = samples.clone()
    changed[:, -EAR_SAMPLE_RATE_HZ * 5 // 1000] += 0.9
    assert (shipped()(samples)[0, -1, -1] - shipped()(changed)[0, -1, -1]).abs().max() > 0.01


def test_it_forgets() -> None:
    """What lies further back than a token's reach does not count; what lies 0.7 s back does."""
    samples = noise(8)
    old, recent = samples.clone(), samples.clone()
    old[:, :-REACH_SAMPLES] = 0
    recent[:, : -7 * EAR_SAMPLE_RATE_HZ // 10] = 0
    last, forgotten, missed = (shipped()(heard)[0, -1, -1] for heard in (samples, old, recent))
    assert (last - forgotten).abs().max() <= 1e-5 * scale(last)
    assert (last - missed).abs().max() > 0.1


def test_a_conversation_begins_after_silence() -> None:
    """The first unit is heard as if digital silence had come before it for long."""
    samples = noise(6, dtype=torch.float64)
    after_silence = shipped(torch.float64)(torch.cat([torch.zeros_like(samples), samples], dim=1))
    # The states are kept in float32.
    difference = (shipped(torch.float64)(samples) - after_silence[:, 6:]).abs().max()
    assert difference <= 1e-5 * scale(after_silence)


@pytest.mark.parametrize("count", [0, UNIT_SAMPLES - 1, TOKEN_SAMPLES])
def test_it_refuses_a_broken_unit(count: int) -> None:
    """Samples that are no whole units are refused with both numbers."""
    with pytest.raises(ValueError, match=f"got {count} samples, expected a positive multiple of the unit's 2560"):
        shipped()(torch.zeros(1, count))


def test_the_weights_are_small_and_say_whose_they_are() -> None:
    """The shipped file names package, version, sha256, licence and authors, and is small."""
    (package,) = speech_embedding().packages
    with safe_open(WEIGHTS, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["package"] == f"{package.name} {package.version}"
    assert (metadata["sha256"], metadata["licence"]) == (package.sha256, "Apache-2.0")
    assert "Google" in metadata["authors"]
    assert "Scripka" in metadata["authors"]
    assert WEIGHTS.stat().st_size < MAX_BYTES


def test_bad_weights_are_refused(tmp_path: Path) -> None:
    """No file, a cut one and that of another network are each refused with what to do."""
    cut, other = tmp_path / "cut.safetensors", tmp_path / "other.safetensors"
    cut.write_bytes(WEIGHTS.read_bytes()[:100_000])
    save_file({"weight": torch.zeros(3)}, other)
    for path, reason in ((tmp_path / "no", "MISSING"), (cut, "DAMAGED"), (other, "DAMAGED")):
        with pytest.raises(InvalidInput, match=r"copy them again|make it with") as caught:
            load_ear(path)
        assert caught.value.reason == f"WEIGHTS_{reason}"


def test_a_damaged_package_is_refused(tmp_path: Path) -> None:
    """A package folder without its files, or with other content in them, is named in the error."""
    pytest.importorskip("onnx", reason="reads the published files")
    for content in (None, b"no network"):
        for name in (MEL_FILE, NETWORK_FILE):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content:
                path.write_bytes(content)
        with pytest.raises(InvalidInput, match="delete the folder") as caught:
            ear_from_package(tmp_path)
        assert caught.value.reason == "WEIGHTS_DAMAGED"


# From here on: against the published files.


@cache
def package_folder() -> Path:
    (package,) = speech_embedding().packages
    pytest.importorskip("onnx", reason="reads the published files")
    if not DataCache(default_root()).has(package):
        pytest.skip("openwakeword is not fetched: wan-streamer data fetch speech-embedding")
    return DataCache(default_root()).fetch(package)


@cache
def published() -> Ear:
    return ear_from_package(package_folder())


def session(name: Path) -> Any:
    onnxruntime = pytest.importorskip("onnxruntime", reason="runs the published files")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(package_folder() / name), options, providers=["CPUExecutionProvider"])


def reference(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features [tokens, 96] as onnxruntime gives them: mel frames of 80 ms a call, windows of 76 frames.

    The front end's Hann window of 400 samples stands in the middle of 512; it ends where the token ends.
    """
    before, margin = 10, (FFT_SIZE - WINDOW_SAMPLES) // 2
    lead = np.zeros(before * TOKEN_SAMPLES + WINDOW_SAMPLES - HOP_SAMPLES + margin)
    padded = np.concatenate([lead, samples * INT16_SCALE, np.zeros(margin)]).astype(np.float32)[None]
    token_count, span = len(samples) // TOKEN_SAMPLES, (TOKEN_FRAMES - 1) * HOP_SAMPLES + FFT_SIZE
    starts = [token * TOKEN_SAMPLES for token in range(before + token_count)]
    mel = session(MEL_FILE)
    frames = np.concatenate([mel.run(None, {"input": padded[:, at : at + span]})[0][0, 0] / 10 + 2 for at in starts])
    ends = [TOKEN_FRAMES * (before + 1 + token) for token in range(token_count)]
    windows = np.stack([frames[end - WINDOW_FRAMES : end] for end in ends])[..., None]
    return session(NETWORK_FILE).run(None, {"input_1": windows.astype(np.float32)})[0].reshape(-1, EAR_FEATURES)


@cache
def speech() -> NDArray[np.float32]:
    target = UnitFormat(audio_sample_rate_hz=EAR_SAMPLE_RATE_HZ, video_width=16, video_height=16)
    samples = np.concatenate([unit.audio for unit in file_units(read_media(CLIP), target)])
    return samples[: 40 * UNIT_SAMPLES].astype(np.float32)


def sound(name: str) -> NDArray[np.float32]:
    if name == "noise":
        return noise(20)[0].numpy()
    if name == "silence":
        return np.zeros(12 * UNIT_SAMPLES, np.float32)
    if name == "faint":
        return speech() * np.float32(0.003)
    samples = speech().copy()
    if name == "gaps":  # digital silence that begins and ends within a token: the limit of 80 dB counts
        samples[20_000:35_000] = 0
        samples[60_000:61_000] = 0
    return samples


@pytest.mark.parametrize("name", ["noise", "silence", "speech", "faint", "gaps"])
def test_it_is_what_onnxruntime_gives(name: str) -> None:
    """Published weights give onnxruntime's features to 1e-5 of their scale, the shipped float16 ones to 1e-2."""
    samples = sound(name)
    expected = torch.from_numpy(reference(samples))
    for ear, tolerance in ((published(), 1e-5), (shipped(), 1e-2)):
        found = ear(torch.from_numpy(samples)[None])[0].flatten(0, 1)
        assert (found - expected).abs().max() <= tolerance * float(expected.abs().max())


def test_the_command_makes_the_shipped_file(tmp_path: Path) -> None:
    """The command writes, in a folder that it makes, the weights that ship."""
    package_folder()
    out = tmp_path / "new" / "ear.safetensors"
    write_ear_weights(EarWeightsOptions(out=out), Console(quiet=True))
    made = load_ear(out).state_dict()
    for name, tensor in shipped().state_dict().items():
        torch.testing.assert_close(made[name], tensor, rtol=0, atol=1e-4, msg=name)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
