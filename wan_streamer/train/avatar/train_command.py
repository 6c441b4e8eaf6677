"""`python -m wan_streamer.train.avatar.train_command DIR`: what `wan-streamer avatar train` starts."""

import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from rich.console import Console
from tyro.conf import Positional

from wan_streamer.errors import InvalidInput
from wan_streamer.train.avatar.plan import FILE_NAME, Plan, read_plan
from wan_streamer.train.avatar.steps import Places, Step, steps
from wan_streamer.train.avatar.texts_command import agent_texts
from wan_streamer.train.data.agent import Agent, Looks
from wan_streamer.train.data.face.heads import default_heads_folder, load_heads
from wan_streamer.train.data.face.person import make_person
from wan_streamer.train.data.generate.domain_files import read_domain
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.recordings import check_films, find_recordings, words_key
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.program import EXIT_INTERRUPTED, run_program
from wan_streamer.train.model_recipe import ModelRecipe
from wan_streamer.train.recipe import CodecRecipe
from wan_streamer.train.recipes import recipe_named

SECONDS_A_MINUTE: Final = 60


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Make an avatar from its folder: data, codecs, training, one file of weights, and an evaluation."""

    folder: Positional[Path]
    """Folder that `wan-streamer avatar new` wrote."""
    processes: int = os.cpu_count() or 1
    """Processes that work at the same time, one a core; trainings take as many as share a batch, with GPUs one each."""
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
    places = Places(folder=options.folder.resolve())
    plan = read_plan(places.folder / FILE_NAME)
    agent = PhraseBook(read_domain(places.folder)).domain.agent
    _check(places.folder, agent, plan)
    if not options.no_evaluation and importlib.util.find_spec("faster_whisper") is None:
        raise InvalidInput(
            "got no judges, expected the eval extra: pip install 'wan-streamer[eval]' and wan-streamer eval setup, or "
            "say --no-evaluation",
            reason="MISSING_EXTRA",
        )
    evaluates = not options.no_evaluation
    planned = list(steps(places, agent, plan, processes=options.processes, evaluates=evaluates, computing=_computing()))
    progress = Progress(places, agent)
    for number, step in enumerate(planned, 1):
        console.rule(f"{number} of {len(planned)}: {step.title}", align="left")
        if progress.has(step):
            console.print("there already")
            continue
        began = time.monotonic()
        run_step(step, options.processes)
        progress.add(step)
        console.print(f"{(time.monotonic() - began) / SECONDS_A_MINUTE:.1f} minutes", highlight=False)
    console.print(
        f"{places.result}\nTalk to it:  wan-streamer serve --preset {shlex.quote(str(places.result))}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


class Progress:
    """Which steps are done, and of which texts and numbers; kept in the folder `work`.

    Raises:
        InvalidInput: AVATAR_CHANGED, something is made already, of other texts or numbers.
    """

    def __init__(self, places: Places, agent: Agent) -> None:
        self._path = places.work / "done.json"
        digest = hashlib.sha256()
        for path in sorted(places.folder.rglob("*.yaml")):
            if places.work not in path.parents and places.evaluation not in path.parents:
                digest.update(f"{path.relative_to(places.folder)}\n".encode() + path.read_bytes())
        if isinstance(agent.looks, Path):
            for path in sorted(find_recordings(agent.looks).values()):
                digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        self._about = digest.hexdigest()
        self._done: list[str] = []
        if self._path.is_file():
            kept = json.loads(self._path.read_text())
            self._done = kept["done"]
            if kept["folder_sha256"] != self._about:
                raise InvalidInput(
                    f"got {places.folder} with other texts, numbers or another agent than {places.work} was made of, "
                    f"expected the same; delete {places.work} and {places.evaluation} to make all anew",
                    reason="AVATAR_CHANGED",
                )

    def has(self, step: Step) -> bool:
        """Whether it was done before."""
        return step.title in self._done

    def add(self, step: Step) -> None:
        """It is done."""
        self._done.append(step.title)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = {"folder_sha256": self._about, "done": self._done}
        replace_file(self._path, (json.dumps(content, indent=1) + "\n").encode())


def _check(folder: Path, agent: Agent, plan: Plan) -> None:
    """All that would end a later step."""
    heads = load_heads(default_heads_folder())
    texts = agent_texts(folder, plan)
    if isinstance(agent.looks, Looks):
        make_person(heads, agent.looks.face)
        return
    recorded = find_recordings(agent.looks)
    missing = [text for text in texts if words_key(text) not in recorded]
    if missing:
        raise InvalidInput(
            f"got {agent.looks} without {len(missing)} of {len(texts)} sentences, the first {missing[0]!r}, expected "
            "all that `wan-streamer avatar texts` prints; record them, or take them out of the texts",
            reason="RECORDINGS",
        )
    check_films(agent.looks)


def _computing() -> tuple[str, ...]:
    """What makes the Transformer's trainings faster on this machine."""
    has_bfloat16 = torch.cuda.is_available() or torch.cpu.get_capabilities().get("avx512_bf16", False)
    has_compiler = any(map(shutil.which, ("g++", "clang++")))
    return (*(("--bfloat16",) if has_bfloat16 else ()), *(("--compile",) if has_compiler else ()))


def processes_of(recipe: ModelRecipe | CodecRecipe, most: int) -> int:
    """How many processes can share each of a recipe's batches."""
    sizes = [task.batch_size for task in recipe.tasks] if isinstance(recipe, ModelRecipe) else [recipe.batch_size]
    return next(count for count in range(most, 0, -1) if all(size % count == 0 for size in sizes))


def run_step(step: Step, processes: int) -> None:
    """Runs a step's module to its end.

    Raises:
        InvalidInput: STEP, it failed.
        KeyboardInterrupt: it was stopped, by Ctrl-C or SIGTERM, and has saved.
    """
    most = torch.cuda.device_count() or processes
    count = 1
    if step.trains:
        recipe = recipe_named(step.arguments[0])
        assert isinstance(recipe, ModelRecipe | CodecRecipe)
        count = processes_of(recipe, most)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)] if count > 1 else []
    # Several processes with several threads each would wait for each other.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"} if count > 1 else dict(os.environ)
    command = [sys.executable, *launcher, "-m", step.module, *step.arguments]
    process = subprocess.Popen(command, env=environment)  # noqa: S603  - our own modules

    def end(_signal: int, _frame: object) -> None:
        # A terminal sends Ctrl-C to both; SIGTERM comes to this process alone.
        process.send_signal(signal.SIGINT)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
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
