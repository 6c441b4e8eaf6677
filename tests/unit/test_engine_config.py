"""What the services load: a preset with what ships of it, or trained weights from a file."""

from pathlib import Path

import pytest
import torch

from wan_streamer.engine.config import EngineConfig, describe, load_model
from wan_streamer.engine.warm_up import admitted
from wan_streamer.errors import InvalidInput
from wan_streamer.model.model_weights import pack_model, trained_tensors
from wan_streamer.model.presets import nano, untrained
from wan_streamer.model.senses import senses_metadata
from wan_streamer.model.shipped import use_shipped_senses


def test_weights_of_a_file_are_served(tmp_path: Path) -> None:
    """The Transformer is the file's, whatever the seed, and the codecs are those that ship."""
    source = untrained(nano(), 3)
    use_shipped_senses(source)
    path = tmp_path / "mine.safetensors"
    path.write_bytes(pack_model(source, senses_metadata(source, pictures=True), torch.float32))
    config = EngineConfig(preset=str(path), weights_seed=1)
    served = load_model(config)
    assert served.config == nano()
    for name, tensor in trained_tensors(source).items():
        assert torch.equal(trained_tensors(served)[name], tensor), name
    codec = source.codec("audio").state_dict()
    assert all(torch.equal(tensor, codec[name]) for name, tensor in served.codec("audio").state_dict().items())
    assert describe(config) == "mine.safetensors, trained"


@pytest.mark.parametrize("preset", ["giant", "none.safetensors"])
def test_what_is_not_there_is_said(preset: str) -> None:
    """An unknown preset and a missing file are errors in words."""
    with pytest.raises((InvalidInput, OSError), match=r"giant|none\.safetensors"):
        load_model(EngineConfig(preset=preset))


def test_numbers_of_the_backbone_leave_codecs_alone() -> None:
    """bfloat16 is for what the Transformer has; codecs, encoders and their statistics keep every bit."""
    full, half = load_model(EngineConfig()), load_model(EngineConfig(dtype="bfloat16"))
    kept = ("audio_codec.", "video_codec.", "user_audio.", "user_video.", "audio_latent_", "video_latent_")
    theirs = full.state_dict()
    for name, tensor in half.state_dict().items():
        if name.startswith(kept):
            assert torch.equal(tensor, theirs[name]), name
        else:
            assert tensor.dtype == torch.bfloat16, name
            assert torch.equal(tensor, theirs[name].bfloat16()), name


def test_places_are_what_there_is_time_and_room_for() -> None:
    """Measured places shrink to the memory; told ones are kept, or refused with the number that fits."""
    room_for_three = lambda count: min(count, 3)  # noqa: E731
    assert admitted(0, 112 / 5, room_for_three) == 3
    assert admitted(0, 112 / 2, room_for_three) == 2
    assert admitted(3, 1000.0, room_for_three) == 3
    with pytest.raises(InvalidInput, match="say --max-sessions 3 or 0") as caught:
        admitted(4, 1.0, room_for_three)
    assert caught.value.reason == "MEMORY"


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA GPU")
def test_a_gpu_that_is_not_there_is_said() -> None:
    """The service does not start on something else."""
    with pytest.raises(InvalidInput, match="--device cpu") as caught:
        load_model(EngineConfig(device="cuda"))
    assert caught.value.reason == "DEVICE"
