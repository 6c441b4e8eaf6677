"""`python -m wan_streamer.train.renew_ear WEIGHTS --out FILE`: the preset's ears for weights that heard with others.

All but what hears stays, and takes the senses that ship now. What hears begins anew: train it, with --initial-speech.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor
from tyro.conf import Positional

from wan_streamer.errors import InvalidInput
from wan_streamer.model.model_weights import config_of, fill_trained, pack_model, trained_tensors
from wan_streamer.model.presets import preset, untrained
from wan_streamer.model.row_integers import restored
from wan_streamer.model.senses import WITH_PICTURES, senses_metadata
from wan_streamer.model.shipped import use_shipped_senses
from wan_streamer.model.weights_file import read_weights
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.program import run_program

HEARS = "user_audio."


@dataclass(frozen=True, kw_only=True)
class RenewOptions:
    """Give trained weights the ears of the preset of their name as they are now, untrained; all else stays.

    For ears that changed, and for codecs whose weights were only rounded; of other codecs' latents they know nothing.
    """

    weights: Positional[Path]
    """Weights that a run wrote, or that shipped."""
    out: Path
    """File to write."""
    seed: int = 0
    """Of what begins anew."""


def renew(options: RenewOptions, console: Console) -> None:
    """Does it.

    Raises:
        InvalidInput: the weights are damaged, or differ from the preset in more than the ears.
        OSError: the file cannot be written.
    """
    stored = config_of(options.weights)
    model = untrained(dataclasses.replace(stored, user_audio=preset(stored.name).user_audio), options.seed)
    use_shipped_senses(model)
    metadata, packed = read_weights(options.weights)
    kept = {name: tensor for name, tensor in restored(packed).items() if not name.startswith(HEARS)}
    own = trained_tensors(model)
    if _shapes(kept) != _shapes({name: tensor for name, tensor in own.items() if not name.startswith(HEARS)}):
        raise InvalidInput(
            f"got {options.weights} of another model than {stored.name}, expected one that differs in what hears alone",
            reason="WEIGHTS_KIND",
        )
    fill_trained(model, own | kept)
    senses = senses_metadata(model, pictures=metadata.get(WITH_PICTURES) == "true")
    replace_file(options.out, pack_model(model, metadata | senses, torch.float16))
    console.print(f"wrote {options.out}", highlight=False, markup=False, soft_wrap=True)


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


if __name__ == "__main__":
    sys.exit(run_program(RenewOptions, renew))
