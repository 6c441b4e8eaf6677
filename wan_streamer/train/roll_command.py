"""`python -m wan_streamer.train.roll_command`: what `wan-streamer data roll` starts."""

import functools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from tyro.conf import Positional, arg

from wan_streamer.errors import InvalidInput
from wan_streamer.model.senses import HASH, WITH_PICTURES, check_senses
from wan_streamer.model.shipped import trained_model
from wan_streamer.train.clips import item_random
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.distill.rollout import Passes, Rollout
from wan_streamer.train.distill.sessions import has_all_streams
from wan_streamer.train.encoded_set import ROLLED, EncodedSet
from wan_streamer.train.record_pool import make_missing


@dataclass(frozen=True, kw_only=True)
class RollOptions:
    """Write encoded conversations as a model itself holds them: its own sound and pictures, the words as they were.

    In a talk the model meets what it made, not what was recorded, and decides by it when to speak; from recordings it
    learns that a face which is about to speak looks like it.
    """

    data: Annotated[Positional[Path], arg(metavar="ENCODED")]
    """Encoded conversations with pictures (`wan-streamer data encode`); what is held out of them is of what is made."""
    weights: Annotated[Path, arg(metavar="FILE")]
    """Weights of the Transformer."""
    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory of the records; the same command goes on where an interrupted one stopped."""
    units: int = 100
    """At most so many units of each conversation, from its beginning."""
    seed: int = 0
    """Draws the solver's noise."""
    processes: int = 2
    """Conversations that are made at the same time."""


def roll(options: RollOptions, console: Console) -> None:
    """Writes what is not there yet.

    Raises:
        InvalidInput: a set has no pictures or was encoded with other codecs than the weights', options are wrong, or
            the folder holds other records.
        OSError: a file cannot be written; those before it are whole.
    """
    if options.units < 1:
        raise InvalidInput("got --units below 1, expected 1 or more", reason="COUNT")
    source = EncodedSet(options.data)
    if not source.about["pictures"]:
        raise InvalidInput(
            f"got {options.data} without pictures, expected some; encode without --sound-only", reason="DATA_PICTURES"
        )
    model = trained_model(options.weights)
    check_senses({HASH: source.about["model"], WITH_PICTURES: "true"}, model, options.data)
    about = source.about | {"units": options.units, "seed": options.seed, ROLLED: model.fingerprint()}
    make_missing(
        options.out,
        about,
        functools.partial(_Maker, options),
        processes=options.processes,
        doing="rolling",
        console=console,
    )


class _Maker:
    def __init__(self, options: RollOptions) -> None:
        self._options = options
        self._conversations = EncodedSet(options.data).conversations
        self._model = trained_model(options.weights)
        self._passes = Passes(self._model)

    @torch.inference_mode()
    def records(self, number: int) -> NDArray[Any]:
        """The conversation's records with other latents of sound and pictures."""
        made = np.array(self._conversations[number][: self._options.units])
        assert has_all_streams(made)
        rollout = Rollout(self._model)
        last = self._model.config.solver_steps - 1
        for unit, record in enumerate(made):
            random = item_random(self._options.seed, number, unit)
            audio, video = (
                torch.from_numpy(random.standard_normal(record[name].shape, np.float32)) for name in ("audio", "video")
            )
            audio, video = rollout.next_unit(self._passes, record, (audio, video), last)
            record["audio"], record["video"] = audio.float().numpy(), video.float().numpy()
        return made


if __name__ == "__main__":
    sys.exit(run_program(RollOptions, roll))
