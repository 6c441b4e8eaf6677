"""`python -m wan_streamer.train.hear_command`: what `wan-streamer data hear` starts."""

import dataclasses
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from tyro.conf import arg

from wan_streamer.errors import InvalidInput
from wan_streamer.model.senses import senses_fingerprint
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.make import ConversationMaker
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.data.sources.workers import workers
from wan_streamer.train.encode_command import model_with_senses
from wan_streamer.train.encoded import Encoder
from wan_streamer.train.encoded_set import path_of, start_index, write_records


@dataclass(frozen=True, kw_only=True)
class HearOptions(DrawOptions):
    """Draw conversations and write what the ear hears of them, and the words, without making the rest."""

    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory of the records; the same command goes on where an interrupted one stopped."""
    preset: str = "nano"
    """Size of the model."""
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
    if options.processes < 1:
        raise InvalidInput("got --processes below 1, expected 1 or more", reason="COUNT")
    scripts = list(options.generator().scripts(options.seed, options.count))
    start_index(options.out, _about(options, scripts))
    missing = [number for number in range(len(scripts)) if not path_of(options.out, number).is_file()]
    chosen = [(number, scripts[number]) for number in missing]
    with workers(options.processes, _open_worker, (options,)) as pool:
        done = pool.imap_unordered(_hear_one, chosen)
        for _ in track(
            done, total=len(chosen), description="hearing", console=console, disable=not console.is_terminal
        ):
            pass
    size = sum(path_of(options.out, number).stat().st_size for number in range(len(scripts)))
    console.print(
        f"{options.out}: {len(scripts)} conversations, {size / 1e6:.1f} MB",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _about(options: HearOptions, scripts: Sequence[Script]) -> dict[str, Any]:
    drawn = json.dumps([dataclasses.asdict(script) for script in scripts], sort_keys=True)
    return {
        "data_sha256": hashlib.sha256(drawn.encode()).hexdigest(),
        "model": senses_fingerprint(model_with_senses(options.preset), pictures=False),
        "preset": options.preset,
        "pictures": False,
        "agent_sound": False,
        "count": len(scripts),
    }


_worker: "_Worker | None" = None


class _Worker:
    def __init__(self, options: HearOptions) -> None:
        self.options, self.maker = options, ConversationMaker(DataCache(options.cache))
        self.encoder = Encoder(model_with_senses(options.preset), None)


def _open_worker(options: HearOptions) -> None:
    """Each process has its own voices and model."""
    global _worker  # a pool's processes have no other place for what they keep
    torch.set_num_threads(1)
    _worker = _Worker(options)


def _hear_one(numbered: tuple[int, Script]) -> None:
    assert _worker is not None
    number, script = numbered
    try:
        records = _worker.encoder.encode_heard(*_worker.maker.hear(script))
    except InvalidInput as error:
        if error.reason != "SCRIPT":
            raise
        # Words turned out longer or shorter than the script had room for: a conversation of no length.
        records = np.zeros(0, _worker.encoder.heard_type)
    write_records(path_of(_worker.options.out, number), records)


if __name__ == "__main__":
    sys.exit(run_program(HearOptions, hear))
