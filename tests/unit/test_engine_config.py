"""What the services load: a preset with what ships of it, or trained weights from a file."""

from pathlib import Path

import pytest
import torch

from wan_streamer.engine.config import EngineConfig, describe, load_model
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
