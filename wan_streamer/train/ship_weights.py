"""`python -m wan_streamer.train.ship_weights WEIGHTS --out FILE`: a run's weights as the package carries them."""

import sys
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from rich.console import Console
from tyro.conf import Positional

from wan_streamer.model.codec_weights import KINDS, load_codec
from wan_streamer.model.row_integers import restored, rounded
from wan_streamer.model.shipped import trained_model
from wan_streamer.model.weights_file import read_weights
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.program import run_program


@dataclass(frozen=True, kw_only=True)
class ShipOptions:
    """Write a run's weights with matrices as 8-bit integers; what the file says of itself stays."""

    weights: Positional[Path]
    """Weights of the Transformer or of a codec that a run wrote."""
    out: Path
    """File to write."""


def ship(options: ShipOptions, console: Console) -> None:
    """Does it.

    Raises:
        InvalidInput: the weights are damaged, or were trained with other codecs than those that ship.
        OSError: the file cannot be written.
    """
    metadata, tensors = read_weights(options.weights)
    if metadata.get("kind") in KINDS:
        load_codec(options.weights, metadata["kind"])
    else:
        trained_model(options.weights)
    # Statistics of latents are in float32, and stay so.
    packed = rounded(tensors) | {name: one for name, one in tensors.items() if one.dtype == torch.float32}
    content = safetensors.torch.save({name: tensor.contiguous() for name, tensor in packed.items()}, metadata)
    replace_file(options.out, content)
    again = restored(packed)
    name, error = max(
        (
            (name, float((again[name] - one.float()).std() / one.float().std()))
            for name, one in tensors.items()
            if one.ndim > 1
        ),
        key=lambda pair: pair[1],
    )
    console.print(
        f"wrote {options.out} ({len(content) / 1e6:.1f} MB); largest error {error:.1%} of the deviation, in {name}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(run_program(ShipOptions, ship))
