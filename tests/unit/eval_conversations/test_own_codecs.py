"""An avatar's codecs in the evaluation: the ceiling goes through them, and the report names the file they are in."""

from pathlib import Path

import torch

from tests.support.encoded import small_model
from wan_streamer.eval.conversations.open_talker import open_codecs
from wan_streamer.eval.conversations.options import ConverseOptions
from wan_streamer.eval.conversations.origin import used_weights
from wan_streamer.model.model_weights import pack_model
from wan_streamer.model.presets import untrained

SHIPPED = ["nano-audio-codec.safetensors", "nano-video-codec.safetensors"]


def test_an_avatars_codecs_are_taken_from_its_weights(tmp_path: Path) -> None:
    """Weights and statistics are the file's, and no other file of codecs took part."""
    model = untrained(small_model(), 1)
    model.set_latent_statistics("audio", torch.full_like(model.audio_latent_mean, 2.0), model.audio_latent_deviation)
    path = tmp_path / "library.safetensors"
    path.write_bytes(pack_model(model, {}, torch.float32, with_codecs=True))
    codecs = open_codecs("nano", path)
    assert list(codecs.files) == ["library.safetensors"]
    for kind, trained in (("audio", codecs.audio), ("video", codecs.video)):
        wanted = model.codec(kind).state_dict()
        assert all(torch.equal(tensor, wanted[name]) for name, tensor in trained.codec.state_dict().items())
    assert torch.equal(codecs.audio.latent_mean, model.audio_latent_mean)
    options = ConverseOptions(data=(tmp_path,), out=tmp_path, weights=path)
    for systems in (["model"], ["truth"]):
        assert [one.file for one in used_weights(options, systems)] == ["library.safetensors"]


def test_weights_without_codecs_leave_those_that_ship(tmp_path: Path) -> None:
    """The Transformer is named where it took part, and the codecs of the package always."""
    path = tmp_path / "museum.safetensors"
    path.write_bytes(pack_model(untrained(small_model(), 1), {}, torch.float32))
    assert list(open_codecs("nano", path).files) == SHIPPED
    options = ConverseOptions(data=(tmp_path,), out=tmp_path, weights=path)
    assert [one.file for one in used_weights(options, ["model"])] == ["museum.safetensors", *SHIPPED]
    assert [one.file for one in used_weights(options, ["truth"])] == SHIPPED
