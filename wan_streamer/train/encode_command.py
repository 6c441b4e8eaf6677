"""`python -m wan_streamer.train.encode_command`: what `wan-streamer data encode` starts."""

import functools
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from tyro.conf import Positional, arg

from wan_streamer.errors import InvalidInput
from wan_streamer.model.model_weights import load_own_codecs
from wan_streamer.model.presets import names_weights, preset, untrained
from wan_streamer.model.senses import senses_fingerprint
from wan_streamer.model.shipped import use_shipped_senses
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.data.face.heads import default_heads_folder
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.data.store.data_set import MANIFEST, DataSet
from wan_streamer.train.encoded import Encoder
from wan_streamer.train.record_pool import make_missing


@dataclass(frozen=True, kw_only=True)
class EncodeOptions:
    """Encode a data set with the codecs and the ear that ship, for training of the Transformer."""

    data: Annotated[Positional[Path], arg(metavar="DATASET")]
    """Directory of a data set (`wan-streamer data render`)."""
    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory of the records; the same command goes on where an interrupted one stopped."""
    preset: str = "nano"
    """Size of the model."""
    sound_only: bool = False
    """Leave the pictures out: a hundred times as fast, for tasks that need none."""
    variant: int = 0
    """Above 0: another variant of what is heard, with voices of other length, level and time; more to learn hearing."""
    bfloat16: bool = False
    """The ears compute in bfloat16: much faster where the processor has it."""
    processes: int = 2
    """Conversations that are encoded at the same time."""


def encode(options: EncodeOptions, console: Console) -> None:
    """Encodes what is not there yet.

    Raises:
        InvalidInput: the data set is damaged, no codecs ship for the preset, faces or OpenGL are missing, or the folder
            holds records of other data.
        OSError: a file cannot be written; those before it are whole.
    """
    check_variant(options.variant)
    about = {
        "data_sha256": hashlib.sha256((options.data / MANIFEST).read_bytes()).hexdigest(),
        "model": senses_fingerprint(model_with_senses(options.preset), pictures=not options.sound_only),
        "preset": options.preset,
        "pictures": not options.sound_only,
        "count": len(DataSet(options.data)),
    }
    if options.variant:
        about["variant"] = options.variant
    make_missing(
        options.out,
        about,
        functools.partial(_Maker, options),
        processes=options.processes,
        doing="encoding",
        console=console,
    )


class _Maker:
    def __init__(self, options: EncodeOptions) -> None:
        self.options, self.data = options, DataSet(options.data)
        self.encoder = Encoder(
            model_with_senses(options.preset),
            None if options.sound_only else default_heads_folder(),
            bfloat16=options.bfloat16,
        )

    def records(self, number: int) -> NDArray[Any]:
        """A record for each unit of a conversation."""
        return self.encoder.encode(self.data.conversation(number), random_of(self.options.variant, number))


def check_variant(variant: int) -> None:
    """Raises InvalidInput for a number that no variant can have."""
    if variant < 0:
        raise InvalidInput("got --variant below 0, expected 0 or more", reason="COUNT")


def random_of(variant: int, number: int) -> np.random.Generator | None:
    """What changes a conversation's sound in a variant; None for variant 0, which is the sound as it is."""
    return np.random.default_rng((variant, number)) if variant else None


def model_with_senses(name: str) -> WanStreamer:
    """A model of a preset with the ear and the codecs that ship, or those of an avatar's file; the rest from a seed.

    Raises:
        InvalidInput: there is no such preset, or no codecs ship for it.
    """
    model = untrained(preset(name), 0)
    if not use_shipped_senses(model):
        raise InvalidInput(f"got the preset {name}, expected one whose codecs ship", reason="PRESET")
    if names_weights(name):
        load_own_codecs(Path(name), model)
    return model


if __name__ == "__main__":
    sys.exit(run_program(EncodeOptions, encode))
