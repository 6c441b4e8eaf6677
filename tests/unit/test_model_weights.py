"""Weights of the Transformer: they come back, and what does not fit is refused before anything changes."""

import dataclasses
from pathlib import Path

import pytest
import safetensors.torch
import torch
from rich.console import Console

from tests.support.encoded import small_model
from wan_streamer.errors import InvalidInput
from wan_streamer.model.audio_codec import AudioCodec
from wan_streamer.model.codec_weights import TrainedCodec, load_codec, pack
from wan_streamer.model.config import AudioCodecConfig
from wan_streamer.model.model_weights import codec_tensors, load_own_codecs, load_trained, pack_model, trained_tensors
from wan_streamer.model.presets import nano, untrained
from wan_streamer.model.row_integers import restored, rounded
from wan_streamer.model.senses import senses_metadata
from wan_streamer.model.weights_file import read_weights
from wan_streamer.train.ship_weights import ShipOptions, ship


def test_what_is_trained_comes_back_and_nothing_else(tmp_path: Path) -> None:
    """The Transformer's tensors return bit for bit in float32; codecs and ear are not in the file."""
    one, other = untrained(small_model(), 1), untrained(small_model(), 2)
    codecs = {name: value.clone() for name, value in other.state_dict().items() if name not in trained_tensors(other)}
    path = tmp_path / "weights.safetensors"
    path.write_bytes(pack_model(one, {"seed": "1"}, torch.float32))
    assert load_trained(path, other)["seed"] == "1"
    for name, tensor in trained_tensors(other).items():
        assert torch.equal(tensor, one.state_dict()[name]), name
    assert codecs
    for name, tensor in codecs.items():
        assert torch.equal(other.state_dict()[name], tensor), name


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Of another size, cut off, or no weights at all: the file is named and the model stays as it was."""
    config = small_model()
    wide = dataclasses.replace(config, backbone=dataclasses.replace(config.backbone, mlp_width=48))
    content = pack_model(untrained(wide, 0), {}, torch.float32)
    model = untrained(config, 0)
    before = model.fingerprint()
    path = tmp_path / "weights.safetensors"
    for wrong in (content, content[: len(content) // 2], b""):
        path.write_bytes(wrong)
        with pytest.raises(InvalidInput, match=r"weights\.safetensors"):
            load_trained(path, model)
    assert model.fingerprint() == before


def test_weights_of_other_codecs_are_refused(tmp_path: Path) -> None:
    """Trained with another audio codec: refused; with another video codec: only where pictures were in training."""
    trained_with, model = untrained(small_model(), 1), untrained(small_model(), 1)
    with torch.no_grad():
        next(iter(model.video_codec.parameters())).add_(1)
    path = tmp_path / "weights.safetensors"
    for pictures in (False, True):
        path.write_bytes(pack_model(trained_with, senses_metadata(trained_with, pictures=pictures), torch.float32))
        if pictures:
            with pytest.raises(InvalidInput, match=r"weights\.safetensors, made with other codecs"):
                load_trained(path, model)
        else:
            load_trained(path, model)
    with torch.no_grad():
        next(iter(model.audio_codec.parameters())).add_(1)
    path.write_bytes(pack_model(trained_with, senses_metadata(trained_with, pictures=False), torch.float32))
    with pytest.raises(InvalidInput, match="made with other codecs"):
        load_trained(path, model)


def test_matrices_ship_as_integers_by_row(tmp_path: Path) -> None:
    """Rows of very different size come back within half a step of their own; small tensors stay exact in float16."""
    big = torch.randn(64, 32, 16) * torch.logspace(-6, 2, 64)[:, None, None]
    big[3] = 0
    tensors = {"big": big, "small": torch.randn(8, 8).half(), "bias": torch.randn(32).half()}
    packed = rounded(tensors)
    assert packed["big"].dtype == torch.int8
    again = restored(packed)
    assert again.keys() == tensors.keys()
    steps = big.flatten(1).abs().amax(dim=1) / 127
    assert bool(((again["big"] - big).flatten(1).abs() <= steps[:, None] * 0.5001).all())
    assert torch.equal(again["small"], tensors["small"])
    assert torch.equal(again["bias"], tensors["bias"])


def test_shipped_weights_are_read_like_others(tmp_path: Path) -> None:
    """The command writes what `load_trained` reads, with the metadata, and takes fewer bytes than float16."""
    config = small_model()
    wide = dataclasses.replace(config, backbone=dataclasses.replace(config.backbone, mlp_width=1024))
    model, other = untrained(wide, 1), untrained(wide, 2)
    run, out = tmp_path / "weights.safetensors", tmp_path / "shipped.safetensors"
    run.write_bytes(pack_model(model, {"seed": "1"}, torch.float16))
    ship(ShipOptions(weights=run, out=out), Console(quiet=True))
    assert load_trained(out, other)["seed"] == "1"
    assert out.stat().st_size < 0.8 * run.stat().st_size
    for name, tensor in trained_tensors(other).items():
        assert torch.allclose(tensor, model.state_dict()[name], atol=1e-3, rtol=1e-2), name


def test_a_rounded_codec_makes_the_same_latents(tmp_path: Path) -> None:
    """The codec that ships differs by a hundredth from the run's, and weights trained with either take the other."""
    run, out = tmp_path / "weights.safetensors", tmp_path / "shipped.safetensors"
    config = nano().agent_audio
    assert isinstance(config, AudioCodecConfig)
    torch.manual_seed(0)
    mean, deviation = torch.randn(config.latent_channels), torch.rand(config.latent_channels) + 0.5
    codec = AudioCodec(config).eval()
    run.write_bytes(pack(TrainedCodec(codec, config, mean, deviation, {"seed": "1"}), torch.float16))
    ship(ShipOptions(weights=run, out=out), Console(quiet=True))
    assert out.stat().st_size < 0.6 * run.stat().st_size
    exact, near = load_codec(run, "audio"), load_codec(out, "audio")
    assert near.metadata["seed"] == "1"
    assert torch.equal(near.latent_mean, mean)
    assert torch.equal(near.latent_deviation, deviation)
    sound = torch.randn(1, 4 * config.sample_rate_hz * 4 // 25) / 10
    with torch.no_grad():
        wanted, found = exact.codec.encode(sound)[0], near.codec.encode(sound)[0]
    assert 0 < float((found - wanted).std() / wanted.std()) < 0.05
    one, other = untrained(nano(), 0), untrained(nano(), 0)
    for model, trained in ((one, exact), (other, near)):
        model.codec("audio").load_state_dict(trained.codec.state_dict())
    assert senses_metadata(one, pictures=True) == senses_metadata(other, pictures=True)


def test_an_avatars_codecs_come_with_its_weights(tmp_path: Path) -> None:
    """Weights with codecs of their own bring both into a model with others; codecs alone leave the rest."""
    one = untrained(small_model(), 1)
    path = tmp_path / "avatar.safetensors"
    path.write_bytes(pack_model(one, {}, torch.float32, with_codecs=True))
    other = untrained(small_model(), 2)
    load_trained(path, other)
    ears = ("user_audio.ear.", "user_audio.whisper.")
    for name, tensor in one.state_dict().items():
        assert name.startswith(ears) or torch.equal(tensor, other.state_dict()[name]), name
    third = untrained(small_model(), 3)
    trained = {name: tensor.clone() for name, tensor in trained_tensors(third).items()}
    assert load_own_codecs(path, third)
    assert all(torch.equal(third.state_dict()[name], tensor) for name, tensor in codec_tensors(one).items())
    assert all(torch.equal(third.state_dict()[name], tensor) for name, tensor in trained.items())
    path.write_bytes(pack_model(one, {}, torch.float32))
    assert not load_own_codecs(path, third)


def test_half_of_an_avatars_codecs_are_refused(tmp_path: Path) -> None:
    """A file without one of the codecs' weights: named, and the model stays as it was."""
    model = untrained(small_model(), 1)
    path = tmp_path / "avatar.safetensors"
    path.write_bytes(pack_model(model, {}, torch.float32, with_codecs=True))
    metadata, tensors = read_weights(path)
    del tensors[next(iter(codec_tensors(model)))]
    safetensors.torch.save_file(tensors, path, metadata)
    other = untrained(small_model(), 2)
    before = other.fingerprint()
    for load in (load_trained, load_own_codecs):
        with pytest.raises(InvalidInput, match=r"avatar\.safetensors"):
            load(path, other)
    assert other.fingerprint() == before
