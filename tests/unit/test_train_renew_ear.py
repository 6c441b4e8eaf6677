"""The preset's ears for weights that heard with others."""

import dataclasses
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import save_file

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import EarConfig, ModelConfig
from wan_streamer.model.model_weights import load_trained, metadata_of, pack_model, trained_tensors
from wan_streamer.model.presets import nano, untrained
from wan_streamer.model.senses import HASH, WITH_PICTURES, senses_fingerprint
from wan_streamer.model.shipped import use_shipped_senses
from wan_streamer.train.renew_ear import HEARS, RenewOptions, renew


def written(path: Path, config: ModelConfig) -> dict[str, torch.Tensor]:
    """Untrained weights of another ear, with senses of another time."""
    model = untrained(config, 1)
    path.write_bytes(pack_model(model, {HASH: "of old", WITH_PICTURES: "true", "seed": "9"}, torch.float16))
    return trained_tensors(model)


def test_all_but_what_hears_stays(tmp_path: Path) -> None:
    """The renewed file fits the preset with the senses that ship; what the file said of itself is still there."""
    old = dataclasses.replace(nano(), user_audio=EarConfig(width=8, dilations=(1, 2)))
    before = written(tmp_path / "old.safetensors", old)
    out = tmp_path / "new.safetensors"
    renew(RenewOptions(weights=tmp_path / "old.safetensors", out=out), Console(quiet=True))
    model = untrained(nano(), 5)
    assert use_shipped_senses(model)
    metadata = load_trained(out, model)
    assert metadata["seed"] == "9"
    assert metadata[HASH] == senses_fingerprint(model, pictures=True)
    fresh = trained_tensors(untrained(nano(), 0))
    for name, tensor in trained_tensors(model).items():
        expected = fresh[name] if name.startswith(HEARS) else before[name]
        assert torch.equal(tensor, expected.half().float()), name


def test_another_model_is_refused(tmp_path: Path) -> None:
    """What differs in more than the ears cannot go on, and nothing is written."""
    wider = dataclasses.replace(nano(), backbone=dataclasses.replace(nano().backbone, mlp_width=64))
    path = tmp_path / "other.safetensors"
    # The configuration says nano; the tensors are others.
    save_file(trained_tensors(untrained(wider, 0)), path, metadata_of(nano(), {}))
    with pytest.raises(InvalidInput, match="differs in what hears alone"):
        renew(RenewOptions(weights=path, out=tmp_path / "out.safetensors"), Console(quiet=True))
    assert not (tmp_path / "out.safetensors").exists()
