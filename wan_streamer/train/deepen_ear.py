"""`python -m wan_streamer.train.deepen_ear WEIGHTS --out FILE`: more layers for the speech encoder, without effect yet.

A residual block whose output is zero hands its input on: what was learned stays, and training goes on with more to
learn with (as in Net2Net, Chen et al., arXiv 1511.05641).
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from tyro.conf import Positional

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import EarConfig, ModelConfig
from wan_streamer.model.model_weights import config_of, fill_trained, pack_model, trained_tensors
from wan_streamer.model.presets import preset, untrained
from wan_streamer.model.row_integers import restored
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.model.weights_file import read_weights
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.program import run_program


@dataclass(frozen=True, kw_only=True)
class DeepenOptions:
    """Give a run's weights the preset's speech encoder, whose first layers they have; the function is the same."""

    weights: Positional[Path]
    """Weights that a run wrote."""
    out: Path
    """File to write."""


def deepen(options: DeepenOptions, console: Console) -> None:
    """Does it.

    Raises:
        InvalidInput: the weights are damaged, or their speech encoder is not the beginning of the preset's.
        OSError: the file cannot be written.
    """
    stored = config_of(options.weights)
    model = untrained(deeper(stored), 0)
    metadata, packed = read_weights(options.weights)
    fill_deeper(model, restored(packed))
    replace_file(options.out, pack_model(model, metadata, torch.float16))
    console.print(f"wrote {options.out}", highlight=False, markup=False, soft_wrap=True)


def deeper(stored: ModelConfig) -> ModelConfig:
    """The configuration with the speech encoder of the preset of its name.

    Raises:
        InvalidInput: DEEPEN, it does not begin with the layers that are there.
    """
    own, wanted = stored.user_audio, preset(stored.name).user_audio
    if isinstance(own, EarConfig) and isinstance(wanted, EarConfig):
        begins = replace(wanted, dilations=wanted.dilations[: len(own.dilations)]) == own
        if begins and len(wanted.dilations) > len(own.dilations):
            return replace(stored, user_audio=wanted)
    raise InvalidInput(
        f"got weights with {own}, expected the first layers, not all, of {wanted}; these cannot be deepened",
        reason="DEEPEN",
    )


@torch.no_grad()
def fill_deeper(model: WanStreamer, tensors: dict[str, torch.Tensor]) -> None:
    """Fills what there are weights for; blocks of the speech encoder that have none hand their input on."""
    own = trained_tensors(model)
    for name, tensor in own.items():
        if name not in tensors and ".out." in name:
            tensor.zero_()
    fill_trained(model, own | tensors)


if __name__ == "__main__":
    sys.exit(run_program(DeepenOptions, deepen))
