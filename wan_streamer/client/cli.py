"""`wan-streamer`: the command line of the project."""

import asyncio
import importlib.metadata
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import tyro
from rich.console import Console
from tyro.conf import Positional, arg, subcommand

from wan_streamer.client import commands, doctor, module_command
from wan_streamer.client.avatar_commands import Avatar
from wan_streamer.client.command import Command
from wan_streamer.client.data_commands import Data
from wan_streamer.client.defaults import DEFAULT_BUFFER_MS, DEFAULT_PORT, PresetName
from wan_streamer.client.eval_commands import Eval
from wan_streamer.client.file_talk import TalkOptions
from wan_streamer.client.init_command import Init
from wan_streamer.client.presets_command import Presets
from wan_streamer.client.suite import SuiteOptions
from wan_streamer.errors import InvalidInput, WanStreamerError
from wan_streamer.rpc.tls import ChannelTls, identity_of

DESCRIPTION: Final = "A full-duplex audio-visual agent that answers in units of 160 ms, served over gRPC."
EXIT_FAILED_CHECK: Final = 1
# The preset whose trained codecs ship.
CODEC_PRESET: Final = "nano"
EXIT_ERROR: Final = 2
EXIT_INTERRUPTED: Final = 130

Model = PresetName | Annotated[Path, arg(metavar="FILE")]
Out = Annotated[Path, arg(aliases=["-o"])]


@dataclass(frozen=True, kw_only=True)
class Run(Command):
    """Start the suite, play a media file to the agent at real-time pace, stop the suite.

    Starts performer, thinker and gateway as separate processes on free loopback ports, plays the file through a gRPC
    client as a visitor's device would, and leaves reply.mp4, conversation.mp4, units.jsonl and timeline.html (and the
    services' logs) in the output directory, and codec.mp4: the visitor's own sound and pictures through the agent's
    codecs. Ends with a table of latencies. Ctrl-C writes what there is and ends.
    """

    file: Positional[Path]
    """Media file that plays the visitor: anything FFmpeg reads, with sound, pictures or both."""
    out: Out = Path("out")
    """Directory for the results; those of an earlier run are replaced."""
    preset: Model = "nano"
    """The model, or the file of trained weights of one. nano runs in real time on two CPU cores."""
    seed: int = 0
    """Seed of the weights while there are no trained ones, and of what the model draws at random."""
    buffer_ms: float = DEFAULT_BUFFER_MS
    """How long the player waits with the first unit before it plays; more hides more jitter and costs latency."""

    def execute(self, console: Console) -> int:
        options = TalkOptions(path=self.file, out=self.out, seed=self.seed, buffer_ms=_checked_buffer(self.buffer_ms))
        suite = SuiteOptions(preset=_checked_model(self.preset), seed=self.seed, out=self.out)
        if asyncio.run(commands.run(options, suite, console)) and self.preset == CODEC_PRESET:
            return _code_file(self.file, self.out / "codec.mp4")
        return 0


@dataclass(frozen=True, kw_only=True)
class Serve(Command):
    """Start the suite and keep it running until Ctrl-C.

    Starts performer, thinker and gateway as separate processes on loopback and prints how to connect to them.
    """

    port: int = DEFAULT_PORT
    """Port of the gateway on 127.0.0.1; 0 takes a free one."""
    metrics_port: int = 0
    """Prometheus metrics of gateway, thinker and performer on this port and the next two; 0 is off."""
    out: Out = Path("out")
    """Logs go to OUT/logs, spans to OUT/traces."""
    preset: Model = "nano"
    """The model, or the file of trained weights of one. nano runs in real time on two CPU cores."""
    seed: int = 0
    """Seed of the weights while there are no trained ones."""

    def execute(self, console: Console) -> int:
        options = SuiteOptions(
            preset=_checked_model(self.preset),
            seed=self.seed,
            port=self.port,
            metrics_port=self.metrics_port,
            out=self.out,
        )
        asyncio.run(commands.serve(options, console))
        return 0


@dataclass(frozen=True, kw_only=True)
class Talk(Command):
    """Play a media file to an agent that runs already (see `serve`).

    Leaves the same files as `run`. The services' part of the traces is in them when --trace-dir names the directory
    into which a suite on this machine writes its spans.
    """

    file: Positional[Path]
    """Media file that plays the visitor: anything FFmpeg reads, with sound, pictures or both."""
    server: Annotated[str, arg(metavar="HOST:PORT")] = f"127.0.0.1:{DEFAULT_PORT}"
    """Address of the gateway."""
    out: Out = Path("out")
    """Directory for the results; those of an earlier run are replaced."""
    trace_dir: Annotated[Path | None, arg(metavar="PATH")] = None
    """Where the suite writes its spans; `serve` prints it."""
    seed: Annotated[int | None, arg(metavar="INT")] = None
    """Seed of what the model draws at random; drawn by the gateway when absent."""
    buffer_ms: float = DEFAULT_BUFFER_MS
    """How long the player waits with the first unit before it plays; more hides more jitter and costs latency."""
    tls: bool = False
    """Call the gateway with TLS; so do the options below."""
    tls_ca_file: Annotated[Path | None, arg(metavar="PATH")] = None
    """CAs (PEM) of the gateway's certificate; the usual ones when absent."""
    tls_cert_file: Annotated[Path | None, arg(metavar="PATH")] = None
    """Certificate (PEM) for a gateway that asks for one."""
    tls_key_file: Annotated[Path | None, arg(metavar="PATH")] = None
    """Its key (PEM)."""
    tls_server_name: Annotated[str, arg(metavar="NAME")] = ""
    """Name in the gateway's certificate, when it is not the host of --server."""

    def execute(self, console: Console) -> int:
        options = TalkOptions(
            path=self.file,
            out=self.out,
            seed=self.seed,
            buffer_ms=_checked_buffer(self.buffer_ms),
            tls=self._channel_tls(),
        )
        asyncio.run(commands.talk(options, _checked_address(self.server), self.trace_dir, console))
        return 0

    def _channel_tls(self) -> ChannelTls | None:
        identity = identity_of(self.tls_cert_file, self.tls_key_file, options="--tls-cert-file and --tls-key-file")
        if not (self.tls or self.tls_ca_file or identity or self.tls_server_name):
            return None
        return ChannelTls(ca_file=self.tls_ca_file, identity=identity, server_name=self.tls_server_name)


@dataclass(frozen=True, kw_only=True)
class Doctor(Command):
    """Check this machine and say what to do.

    Looks at Python, FFmpeg's libraries, torch, cores, memory, disk, ports, GPU and clock. Exit code 1 when something is
    missing without which nothing works.
    """

    out: Out = Path("out")
    """Directory that results would go to."""

    def execute(self, console: Console) -> int:
        return 0 if doctor.show(console, doctor.examine(self.out)) else EXIT_FAILED_CHECK


@dataclass(frozen=True, kw_only=True)
class Train(Command):
    """Train a part of the model, or go on with a run that was stopped.

    Needs the engine extra (torch). Ctrl-C saves; the same command goes on from there, bit for bit. On several GPUs:
    torchrun --nproc-per-node N -m wan_streamer.train RECIPE ... (and --help there shows every option).
    """

    recipe: Positional[str]
    """audio-codec-nano, video-codec-nano, stage-1-nano ..., or module:function of your own."""
    data: Annotated[tuple[Path, ...], arg(metavar="PATH [PATH ...]")] = ()
    """Folders or files to learn from: sound files, films or data sets for a video codec, encoded sets for a stage."""
    out: Annotated[Path | None, arg(metavar="PATH", aliases=["-o"])] = None
    """Folder of the run; one under ~/.cache/wan-streamer/runs when absent."""
    initial_weights: Annotated[Path | None, arg(metavar="PATH")] = None
    """Weights of an earlier stage to begin with."""
    initial_reader: Annotated[Path | None, arg(metavar="PATH")] = None
    """Stages: weights whose reader of letters is taken; it learns alone, beside the others."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What to compute on."""
    bfloat16: bool = False
    """Compute the networks in bfloat16."""
    compile: bool = False
    """Compile the networks first; pays on a GPU, and for the stages on a CPU with a C++ compiler."""
    micro_batch: Annotated[int, arg(metavar="INT")] = 0
    """Stages: so many windows at a time, gradients added up; 0 is all at once."""
    checkpointing: bool = False
    """Stages: less memory, a third more time."""
    shard: bool = False
    """Stages: less memory: each process keeps a part of every block (FSDP2); see docs/training.md."""
    steps: Annotated[int | None, arg(metavar="INT")] = None
    """Last step, instead of the recipe's."""
    seed: Annotated[int | None, arg(metavar="INT")] = None
    """Seed, instead of the recipe's."""
    minutes: float = 0.0
    """Stop and save after so many minutes; 0 is never."""
    dry_run: bool = False
    """Stages: train nothing; say what the run would cost: tokens, operations, hours on a GPU, memory."""
    gpu: str = "H100"
    """For a dry run: which GPU."""
    utilisation: float = 0.4
    """For a dry run: how much of its peak is used."""

    def execute(self, console: Console) -> int:
        computing = ("device", "bfloat16", "compile", "micro_batch", "checkpointing", "shard")
        costs = ("dry_run", "gpu", "utilisation") if self.dry_run else ()
        names = ("data", "out", "initial_weights", "initial_reader", *computing, "steps", "seed", "minutes", *costs)
        options = module_command.options_of({name: getattr(self, name) for name in names})
        return module_command.run_module("wan_streamer.train", [self.recipe, *options])


@dataclass(frozen=True, kw_only=True)
class Codec(Command):
    """Send a film's own sound and pictures through the codecs, unit by unit, and write what comes back.

    What is recognisable here is what the agent's voice and face can be at best. Needs the engine extra (torch).
    """

    source: Positional[Path]
    """Media file: anything FFmpeg reads."""
    target: Positional[Path]
    """MP4 to write."""
    audio_weights: Annotated[Path | None, arg(metavar="PATH")] = None
    """Weights of the audio codec; those that ship when absent."""
    video_weights: Annotated[Path | None, arg(metavar="PATH")] = None
    """Weights of the video codec; those that ship when absent."""
    only: Literal["audio", "video"] | None = None
    """The other passes by its codec."""
    picture: Annotated[Path | None, arg(metavar="PATH")] = None
    """PNG to write: some frames, as they were above and as they came back below."""

    def execute(self, console: Console) -> int:
        names = ("audio_weights", "video_weights", "only", "picture")
        options = module_command.options_of({name: getattr(self, name) for name in names})
        return _code_file(self.source, self.target, *options)


@dataclass(frozen=True, kw_only=True)
class Version(Command):
    """Print the version."""

    def execute(self, console: Console) -> int:
        console.print(f"wan-streamer {importlib.metadata.version('wan-streamer')}", highlight=False)
        return 0


AnyCommand = (
    Annotated[Run, subcommand("run", prefix_name=False)]
    | Annotated[Serve, subcommand("serve", prefix_name=False)]
    | Annotated[Talk, subcommand("talk", prefix_name=False)]
    | Annotated[Data, subcommand("data", prefix_name=False)]
    | Annotated[Doctor, subcommand("doctor", prefix_name=False)]
    | Annotated[Presets, subcommand("presets", prefix_name=False)]
    | Annotated[Init, subcommand("init", prefix_name=False)]
    | Annotated[Train, subcommand("train", prefix_name=False)]
    | Annotated[Avatar, subcommand("avatar", prefix_name=False)]
    | Annotated[Codec, subcommand("codec", prefix_name=False)]
    | Annotated[Eval, subcommand("eval", prefix_name=False)]
    | Annotated[Version, subcommand("version", prefix_name=False)]
)


def main(arguments: list[str] | None = None) -> int:
    """Entry point. Returns the exit code: 0, 1 (doctor found a fault), 2 (an error, one line says which) or 130."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command = tyro.cli(
        AnyCommand,
        prog="wan-streamer",
        description=DESCRIPTION,
        args=arguments or ["--help"],
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    errors = Console(stderr=True, soft_wrap=True)
    try:
        return command.execute(Console())
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except (WanStreamerError, OSError) as error:
        if command.debug:
            traceback.print_exc()
        errors.print(f"wan-streamer: {error}", style="red", markup=False, highlight=False)
        return EXIT_ERROR


def _code_file(source: Path, target: Path, *options: str) -> int:
    return module_command.run_module("wan_streamer.train.codec_file", [str(source), str(target), *options])


def _checked_model(preset: Model) -> str:
    if isinstance(preset, Path) and not (preset.suffix == ".safetensors" and preset.is_file()):
        names = ", ".join(get_args(PresetName))
        raise InvalidInput(
            f"got the preset {str(preset)!r}, expected one of {names}, or weights that lie there (*.safetensors)",
            reason="PRESET",
        )
    return str(preset)


def _checked_buffer(buffer_ms: float) -> float:
    if not 0 <= buffer_ms <= 10_000:
        raise InvalidInput(f"got --buffer-ms {buffer_ms}, expected 0 to 10000", reason="BUFFER")
    return buffer_ms


def _checked_address(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidInput(
            f"got the server address {address!r}, expected HOST:PORT, for example 127.0.0.1:{DEFAULT_PORT}",
            reason="ADDRESS",
        )
    return address


if __name__ == "__main__":
    sys.exit(main())
