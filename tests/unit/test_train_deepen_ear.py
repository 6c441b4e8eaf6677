"""More layers for the speech encoder."""

import dataclasses

import pytest
import torch

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import EarConfig, ModelConfig
from wan_streamer.model.model_weights import trained_tensors
from wan_streamer.model.presets import nano, untrained
from wan_streamer.train.deepen_ear import deeper, fill_deeper


def shallower(layers: int) -> ModelConfig:
    """nano as it would be with fewer layers in its speech encoder."""
    ear = nano().user_audio
    assert isinstance(ear, EarConfig)
    return dataclasses.replace(nano(), user_audio=dataclasses.replace(ear, dilations=ear.dilations[:layers]))


def test_a_deeper_encoder_hears_the_same() -> None:
    """All that is heard is bit-equal, and all other weights are as they were."""
    shallow = untrained(shallower(3), 1)
    deep = untrained(deeper(shallow.config), 2)
    fill_deeper(deep, trained_tensors(shallow))
    assert deep.config == nano()
    features = torch.randn(2, 5, 2, 96)
    assert torch.equal(deep.user_audio.speech(features), shallow.user_audio.speech(features))  # type: ignore[operator, union-attr]
    for name, tensor in trained_tensors(shallow).items():
        assert torch.equal(tensor, trained_tensors(deep)[name])


def test_what_is_not_the_beginning_of_the_presets_encoder_is_refused() -> None:
    """Another width, and as many layers as there are."""
    other = dataclasses.replace(shallower(3), user_audio=EarConfig(width=8, dilations=(1, 2)))
    for config in (other, nano()):
        with pytest.raises(InvalidInput, match="these cannot be deepened"):
            deeper(config)
