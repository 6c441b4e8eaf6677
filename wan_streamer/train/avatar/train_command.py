"""`python -m wan_streamer.train.avatar.train_command DIR`: what `wan-streamer avatar train` starts."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from tyro.conf import Positional

from wan_streamer.errors import InvalidInput
from wan_streamer.train.avatar.plan import FILE_NAME, read_plan
from wan_streamer.train.avatar.steps import Places, Step, steps
from wan_streamer.train.avatar.texts_command import agent_texts
from wan_streamer.train.data.agent import Looks
from wan_streamer.train.data.face.heads import default_heads_folder, load_heads
from wan_streamer.train.data.face.person import make_person
from wan_streamer.train.data.generate.domain_files import read_domain
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.recordings import find_recordings, words_key
from wan_streamer.train.data.sources.program import EXIT_INTERRUPTED, run_program

SECONDS_A_MINUTE: Final = 60


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Make an avatar from its folder: data, codecs, training, one file of weights, and an evaluation."""

    folder: Positional[Path]
    """Folder that `wan-streamer avatar new` wrote."""
    processes: int = os.cpu_count() or 1
    """Processes that work at the same time; each core one, and a GPU one in all."""
    no_evaluation: bool = False
    """End with the avatar; the judges need the eval extra and half an hour."""


def train(options: TrainOptions, console: Console) -> None:
    """Makes what is not there yet; the same command goes on where it was interrupted.

    Raises:
        InvalidInput: the folder is not as it should be (before anything is made), or a step failed.
        KeyboardInterrupt: it was stopped.
    """
    if options.processes < 1:
        raise InvalidInput(f"got --processes {options.processes}, expected 1 or more", reason="COUNT")
    places = Places(folder=options.folder)
    plan = read_plan(options.folder / FILE_NAME)
    agent = PhraseBook(read_domain(options.folder)).domain.agent
    if isinstance(agent.looks, Looks):
        make_person(load_heads(default_heads_folder()), agent.looks.face)
    else:
        _check_recordings(agent.looks, agent_texts(options.folder, plan))
    planned = list(steps(places, agent, plan, processes=options.processes, evaluates=not options.no_evaluation))
    for number, step in enumerate(planned, 1):
        console.rule(f"{number} of {len(planned)}: {step.title}", align="left")
        began = time.monotonic()
        _run(step, options)
        console.print(f"{(time.monotonic() - began) / SECONDS_A_MINUTE:.1f} minutes", highlight=False)
    console.print(
        f"{places.result}\nTalk to it:  wan-streamer serve --preset {places.result}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _check_recordings(clips: Path, texts: Sequence[str]) -> None:
    recorded = find_recordings(clips)
    missing = [text for text in texts if words_key(text) not in recorded]
    if missing:
        raise InvalidInput(
            f"got {clips} without {len(missing)} of {len(texts)} sentences, the first {missing[0]!r}, expected all "
            "that `wan-streamer avatar texts` prints; record them, or take them out of the texts",
            reason="RECORDINGS",
        )


def _run(step: Step, options: TrainOptions) -> None:
    several = step.trains and options.processes > 1
    start = ["-m", "torch.distributed.run", "--nproc-per-node", str(options.processes)] if several else []
    command = [sys.executable, *start, "-m", step.module, *step.arguments]
    # Several processes with several threads each would wait for each other.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"} if several else dict(os.environ)
    process = subprocess.Popen(command, env=environment)  # noqa: S603  - our own modules
    try:
        code = process.wait()
    except KeyboardInterrupt:
        # Ctrl-C reached it, too: it saves and ends by itself.
        process.wait()
        raise
    if code == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    if code != 0:
        raise InvalidInput(
            f"got exit code {code} of the step {step.title!r}, expected 0; what it said stands above, and the same "
            "command goes on from there",
            reason="STEP",
        )


if __name__ == "__main__":
    sys.exit(run_program(TrainOptions, train))
