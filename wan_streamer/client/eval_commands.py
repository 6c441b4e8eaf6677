"""`wan-streamer eval ...`: the judges, the codecs' table and the held-out conversations, as child processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console
from tyro.conf import UseAppendAction, arg, subcommand

from wan_streamer.client.command import Command
from wan_streamer.client.module_command import options_of, run_module

EVAL_MODULE = "wan_streamer.eval"
CODEC_MODULE = "wan_streamer.eval.codec"
CONVERSE_MODULE = "wan_streamer.eval.conversations"


@dataclass(frozen=True, kw_only=True)
class EvalList(Command):
    """Show every judge, what it measures, and whether it can run here; docs/judges.md explains them."""

    def execute(self, console: Console) -> int:
        return run_module(EVAL_MODULE, ["list"], needs_torch=False)


@dataclass(frozen=True, kw_only=True)
class EvalSetup(Command):
    """Fetch the judges' models and make the environment of the one that needs its own."""

    def execute(self, console: Console) -> int:
        return run_module(EVAL_MODULE, ["setup"], needs_torch=False)


@dataclass(frozen=True, kw_only=True)
class EvalValidate(Command):
    """Put every judge to cases whose answer is known, and print what it found against the limits."""

    out: Annotated[Path | None, arg(aliases=["-o"], metavar="PATH")] = None
    """JSON file for the findings."""

    def execute(self, console: Console) -> int:
        return run_module(EVAL_MODULE, ["validate", *options_of({"out": self.out})])


@dataclass(frozen=True, kw_only=True)
class EvalCodec(Command):
    """Judge the codecs on what they have not learned from, beside Opus and H.264 at the same bits.

    Needs the engine, train and eval extras, fetched sources, and a data set with held-out faces for the pictures.
    """

    audio_weights: Annotated[Path | None, arg(metavar="PATH")] = None
    """Weights of the audio codec; those that ship when absent."""
    video_weights: Annotated[Path | None, arg(metavar="PATH")] = None
    """Weights of the video codec; those that ship when absent."""
    data: Annotated[Path | None, arg(metavar="DIR")] = None
    """Data set for the pictures, made with `data render --faces held_out`."""
    sentences: int = 60
    """Sentences of the agent's voice."""
    only: Literal["audio", "video"] | None = None
    """One of the two tables."""
    out: Annotated[Path | None, arg(aliases=["-o"], metavar="DIR")] = None
    """Directory for table.md and table.json."""

    def execute(self, console: Console) -> int:
        names = ("audio_weights", "video_weights", "data", "sentences", "only", "out")
        return run_module(CODEC_MODULE, options_of({name: getattr(self, name) for name in names}))


@dataclass(frozen=True, kw_only=True)
class EvalConverse(Command):
    """Let the agent take part in held-out conversations, and judge what it says, shows and when.

    Needs the engine, train and eval extras, exported faces and the judges' models. Every talk is kept; the same command
    goes on where an interrupted one stopped.
    """

    data: Annotated[tuple[Path, ...], UseAppendAction, arg(metavar="DIR")]
    """Data set of held-out conversations (`wan-streamer data render --split held_out`); may be said several times."""
    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory for evaluation.md, evaluation.json and the talks."""
    weights: Annotated[Path | None, arg(metavar="FILE")] = None
    """Weights of the Transformer; those that ship when absent."""
    solver_steps: int | None = None
    """Steps of the solver; the preset's when absent."""
    systems: str | None = None
    """Who takes part, of model,truth,silent,common,rendered; the first four when absent."""
    rows: str | None = None
    """What is judged, of answers,words,quality,lips,take-over,interruptions,backchannels,false-starts,first-words,
    identity,nods,duplex; all when absent."""
    count: int | None = None
    """Only so many conversations of each data set."""
    films: int | None = None
    """Conversations whose pictures are judged; 40 when absent."""
    long_minutes: float | None = None
    """Length of the talk that shows whether face and scene stay; 10 when absent."""
    seed: int | None = None
    """Draws the solver's noise, bootstraps and permutations; 0 when absent."""
    processes: int = 2
    """Talks that are made or judged at the same time."""

    def execute(self, console: Console) -> int:
        names = ("out", "weights", "solver_steps", "systems", "rows", "count", "films", "long_minutes", "seed")
        data = [word for folder in self.data for word in ("--data", str(folder))]
        options = {**{name: getattr(self, name) for name in names}, "processes": self.processes}
        return run_module(CONVERSE_MODULE, [*data, *options_of(options)])


@dataclass(frozen=True, kw_only=True)
class Eval(Command):
    """Judge speech and pictures: words, quality, lips, identity; the codecs; and whole conversations."""

    task: Annotated[
        Annotated[EvalList, subcommand("list", prefix_name=False)]
        | Annotated[EvalSetup, subcommand("setup", prefix_name=False)]
        | Annotated[EvalValidate, subcommand("validate", prefix_name=False)]
        | Annotated[EvalCodec, subcommand("codec", prefix_name=False)]
        | Annotated[EvalConverse, subcommand("converse", prefix_name=False)],
        arg(name=""),
    ]

    def execute(self, console: Console) -> int:
        return self.task.execute(console)
