"""`python -m wan_streamer.train.hear_command`: what `wan-streamer data hear` starts."""

import dataclasses
import functools
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from tyro.conf import arg

from wan_streamer.errors import InvalidInput
from wan_streamer.model.senses import senses_fingerprint
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.make import ConversationMaker
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.data.store.row import USER_BIT_RATE, as_kept
from wan_streamer.train.encode_command import check_variant, model_with_senses, random_of
from wan_streamer.train.encoded import Encoder
from wan_streamer.train.record_pool import make_missing


@dataclass(frozen=True, kw_only=True)
class HearOptions(DrawOptions):
    """Draw conversations and write what the ear hears of them, and the words, without making the rest."""

    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory of the records; the same command goes on where an interrupted one stopped."""
    preset: str = "nano"
    """Size of the model."""
    variant: int = 0
    """Above 0: a variant of what is heard, with voices of other length, level and time than there are."""
    user_bit_rate: int = USER_BIT_RATE
    """Bits a second of the Opus through which it is heard, as `data render` keeps it."""
    bfloat16: bool = False
    """The ears compute in bfloat16: much faster where the processor has it."""
    processes: int = 2
    """Conversations that are made at the same time."""
    cache: Path = field(default_factory=default_root)
    """Folder of the fetched sources; speech is kept there."""


def hear(options: HearOptions, console: Console) -> None:
    """Writes what is not there yet.

    Raises:
        InvalidInput: options or domain are wrong, a source is not fetched, no codecs ship for the preset, or the folder
            holds records of other data.
        OSError: a file cannot be written; those before it are whole.
    """
    check_variant(options.variant)
    scripts = list(options.generator().scripts(options.seed, options.count))
    make_missing(
        options.out,
        _about(options, scripts),
        functools.partial(_Maker, options, scripts),
        processes=options.processes,
        doing="hearing",
        console=console,
    )


def _about(options: HearOptions, scripts: Sequence[Script]) -> dict[str, Any]:
    drawn = json.dumps([options.agent.text, [dataclasses.asdict(script) for script in scripts]], sort_keys=True)
    about = {
        "data_sha256": hashlib.sha256(drawn.encode()).hexdigest(),
        "user_bit_rate": options.user_bit_rate,
        "model": senses_fingerprint(model_with_senses(options.preset), pictures=False),
        "preset": options.preset,
        "pictures": False,
        "agent_sound": False,
        "count": len(scripts),
    }
    if options.variant:
        about["variant"] = options.variant
    return about


class _Maker:
    def __init__(self, options: HearOptions, scripts: Sequence[Script]) -> None:
        self.scripts, self.variant = scripts, options.variant
        self.maker = ConversationMaker(DataCache(options.cache), options.agent)
        self.encoder = Encoder(model_with_senses(options.preset), None, bfloat16=options.bfloat16)
        self.user_bit_rate = options.user_bit_rate

    def records(self, number: int) -> NDArray[Any]:
        """A record for each unit of a conversation."""
        try:
            timeline, samples = self.maker.hear(self.scripts[number])
            return self.encoder.encode_heard(
                timeline, as_kept(samples, self.user_bit_rate), random_of(self.variant, number)
            )
        except InvalidInput as error:
            if error.reason != "SCRIPT":
                raise
            # Words turned out longer or shorter than the script had room for: a conversation of no length.
            return np.zeros(0, self.encoder.heard_type)


if __name__ == "__main__":
    sys.exit(run_program(HearOptions, hear))
