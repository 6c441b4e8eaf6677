"""`wan-streamer data render` and `data preview`: conversations and films of them, as child processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import Positional, arg

from wan_streamer.client.command import Command
from wan_streamer.client.draw_command import DrawCommand
from wan_streamer.client.module_command import options_of, run_module

RENDER_MODULE = "wan_streamer.train.data.store.render_command"
ENCODE_MODULE = "wan_streamer.train.encode_command"
HEAR_MODULE = "wan_streamer.train.hear_command"
SPELL_MODULE = "wan_streamer.train.spell_command"
ROLL_MODULE = "wan_streamer.train.roll_command"
PREVIEW_MODULE = "wan_streamer.train.data.preview_command"


@dataclass(frozen=True, kw_only=True)
class DataRender(DrawCommand):
    """Make conversations: draw scripts, speak them, mix what the microphone hears, move the faces.

    Writes Parquet shards and a manifest; docs/data.md explains them. Needs the train extra and fetched sources.
    """

    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory of the data set; the same command goes on where an interrupted one stopped."""
    scripts: Annotated[Path | None, arg(metavar="PATH")] = None
    """A YAML file of scripts to make instead of drawing some."""
    per_shard: int = 50
    """Conversations in a shard."""
    user_bit_rate: int = 12_000
    """Bits a second of the microphone's Opus. Clients send PCM: 32000 is nearer to them, for 9 MB an hour more."""
    processes: int = 2
    """Conversations that are made at the same time."""

    def execute(self, console: Console) -> int:
        names = ("out", "scripts", "per_shard", "user_bit_rate", "processes")
        options = self.drawing() | {name: getattr(self, name) for name in names}
        return run_module(RENDER_MODULE, options_of(options), needs_torch=False)


@dataclass(frozen=True, kw_only=True)
class DataPreview(DrawCommand):
    """Write films of conversations, with subtitles and a label track, to look at and listen to.

    Needs the train extra, fetched sources, exported faces and OpenGL (EGL; Mesa's software driver is enough).
    """

    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory for NAME.mp4 of each conversation."""
    data_set: Annotated[Path | None, arg(metavar="DIR")] = None
    """Show the first --count conversations of a data set instead of drawing new ones."""
    height: int = 128
    """Rows of each picture."""
    width: int = 224
    """Columns of each picture."""

    def execute(self, console: Console) -> int:
        names = ("out", "data_set", "height", "width")
        options = self.drawing() | {name: getattr(self, name) for name in names}
        return run_module(PREVIEW_MODULE, options_of(options), needs_torch=False)


@dataclass(frozen=True, kw_only=True)
class DataEncode(Command):
    """Encode a data set with the codecs and the ear that ship: what the stages of the Transformer's training read.

    Needs the engine and train extras, and for pictures exported faces and OpenGL.
    """

    data: Annotated[Positional[Path], arg(metavar="DATASET")]
    """Directory of a data set."""
    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory of the records; the same command goes on where an interrupted one stopped."""
    preset: str = "nano"
    """Size of the model, or a file of weights (*.safetensors) that says it."""
    sound_only: bool = False
    """Leave the pictures out: much faster, for tasks that need none."""
    variant: int = 0
    """Above 0: another variant of what is heard, with voices of other length, level and time; more to learn hearing."""
    bfloat16: bool = False
    """The ears compute in bfloat16: much faster where the processor has it."""
    processes: int = 2
    """Conversations that are encoded at the same time."""

    def execute(self, console: Console) -> int:
        options = {
            name: getattr(self, name) for name in ("out", "preset", "sound_only", "variant", "bfloat16", "processes")
        }
        return run_module(ENCODE_MODULE, [str(self.data), *options_of(options)])


@dataclass(frozen=True, kw_only=True)
class DataHear(DrawCommand):
    """Draw conversations and encode what is heard in them at once, without the agent's sound and pictures.

    For the hearing tasks, which need many more questions than voices and faces need conversations. Needs the engine and
    train extras and fetched sources.
    """

    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory of the records; the same command goes on where an interrupted one stopped."""
    preset: str = "nano"
    """Size of the model, or a file of weights (*.safetensors) that says it."""
    variant: int = 0
    """Above 0: a variant of what is heard, with voices of other length, level and time than there are."""
    user_bit_rate: int = 12_000
    """Bits a second of the Opus through which it is heard, as `data render` keeps it."""
    bfloat16: bool = False
    """The ears compute in bfloat16: much faster where the processor has it."""
    processes: int = 2
    """Conversations that are made at the same time."""

    def execute(self, console: Console) -> int:
        options = self.drawing() | {
            name: getattr(self, name) for name in ("out", "preset", "variant", "user_bit_rate", "bfloat16", "processes")
        }
        return run_module(HEAR_MODULE, options_of(options))


@dataclass(frozen=True, kw_only=True)
class DataSpell(DrawCommand):
    """Draw conversations and write what would be spelled of them, put together of what was spelled of others.

    Nothing is spoken: many thousand questions in minutes, to learn what is answered to which words. Needs the engine
    and train extras and fetched sources.
    """

    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory of the records; the same command goes on where an interrupted one stopped."""
    like: Annotated[tuple[Path, ...], arg(metavar="ENCODED")]
    """Encoded conversations whose words are taken (`wan-streamer data hear`, `data encode`)."""
    preset: str = "nano"
    """Size of the model, or a file of weights (*.safetensors) that says it."""
    processes: int = 2
    """Conversations that are made at the same time."""

    def execute(self, console: Console) -> int:
        options = self.drawing() | {name: getattr(self, name) for name in ("out", "like", "preset", "processes")}
        return run_module(SPELL_MODULE, options_of(options))


@dataclass(frozen=True, kw_only=True)
class DataRoll(Command):
    """Write encoded conversations as a model itself holds them: its own sound and pictures, the words as they were.

    In a talk the model meets what it made, not what was recorded. Needs the engine and train extras.
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

    def execute(self, console: Console) -> int:
        options = {name: getattr(self, name) for name in ("weights", "out", "units", "seed", "processes")}
        return run_module(ROLL_MODULE, [str(self.data), *options_of(options)])
