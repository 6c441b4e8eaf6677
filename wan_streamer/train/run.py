"""A run from beginning to end, or from where it was left: data, steps, checkpoints, weights."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from wan_streamer.errors import InvalidInput
from wan_streamer.train.audio_data import audio_clips
from wan_streamer.train.audio_task import AudioCodecTask
from wan_streamer.train.checkpoint import load_newest, save_checkpoint
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.cache import default_root
from wan_streamer.train.distill.distill_recipe import DistillRecipe
from wan_streamer.train.distill.distiller import Distiller
from wan_streamer.train.distributed import Group, process_group
from wan_streamer.train.ear_data import list_heard, spoken_windows
from wan_streamer.train.ear_trainer import EarRecipe, EarTrainer
from wan_streamer.train.encoded_set import EncodedSet, list_encoded
from wan_streamer.train.manifest import AUDIO_SUFFIXES, VIDEO_SUFFIXES, DataManifest, list_data
from wan_streamer.train.model_recipe import ModelRecipe
from wan_streamer.train.model_trainer import ModelTask, ModelTrainer
from wan_streamer.train.peak import peak_tflop_per_s
from wan_streamer.train.progress import VALIDATION, RunProgress
from wan_streamer.train.recipe import AudioCodecRecipe, VideoCodecRecipe
from wan_streamer.train.recipes import AnyRecipe
from wan_streamer.train.run_folder import RunFolder, command_line, provenance
from wan_streamer.train.stop_request import StopRequest
from wan_streamer.train.trainer import Arithmetic, Trainer
from wan_streamer.train.video_data import video_clips
from wan_streamer.train.video_task import VideoCodecTask
from wan_streamer.train.whisper_ear_weights import published_ear

DEVICES = ("auto", "cpu", "cuda")
# What a step does is added up until it is recorded: steps differ.
WORK = ("tokens", "tflop")
AnyTrainer = Trainer | EarTrainer | ModelTrainer | Distiller


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Where a run reads and writes, and on what it computes; none of it changes what is learned."""

    data: tuple[Path, ...]
    out: Path
    cache: Path
    # Weights to begin with instead of random ones; a run that goes on takes their codecs alone, if they have some.
    initial_weights: Path | None = None
    # A Transformer's weights whose reader of letters is taken.
    initial_reader: Path | None = None
    device: str = "auto"
    bfloat16: bool = False
    compile: bool = False
    micro_batch: int = 0
    checkpointing: bool = False
    shard: bool = False
    checkpoint_every_s: float = 60.0
    # Stops, as Ctrl-C would, after this time or step; 0 is never.
    minutes: float = 0.0
    stop_after_step: int = 0


def train(recipe: AnyRecipe, options: RunOptions, console: Console) -> bool:
    """Trains until the recipe's last step; returns False when it was stopped before.

    A run whose folder has checkpoints goes on from the newest whole one, to the same bits on the same hardware.

    Raises:
        InvalidInput: the data, the folder or the options do not fit.
        OSError: the last checkpoint or the weights could not be written.
    """
    device_type = _device_type(options.device)
    with process_group(device_type) as group, StopRequest(insisted=group.size == 1) as stop:
        device = torch.device(device_type, group.local_rank) if device_type == "cuda" else torch.device("cpu")
        manifest = _manifest(recipe, options)
        folder = RunFolder(options.out)
        folder.check(recipe, manifest)
        torch.manual_seed(recipe.seed)
        arithmetic = _arithmetic(recipe, options, device)
        trainer = _trainer(recipe, manifest, options, arithmetic, group)
        run = _Run(trainer, folder, options, console, stop)
        run.begin()
        if group.leads:
            folder.describe(recipe, manifest, command_line(), device)
        run.go()
        run.finish(manifest)
        return run.trainer.step_count >= recipe.steps


class _Run:
    """The loop and what it writes."""

    def __init__(
        self, trainer: AnyTrainer, folder: RunFolder, options: RunOptions, console: Console, stop: StopRequest
    ) -> None:
        self.trainer, self.folder, self.options, self.console, self.stop = trainer, folder, options, console, stop
        self.group: Group = trainer.group
        is_sharded = isinstance(trainer, ModelTrainer) and trainer.sharded
        # Where no process has all, all of them validate, save and write together.
        self._shards = trainer.sharded_state(folder.checkpoints) if is_sharded else None  # type: ignore[union-attr]
        self._saved_step = -1
        self._saved_at = self._began_at = time.monotonic()

    def begin(self) -> None:
        """Goes to the newest whole checkpoint; where there is none, to the weights to begin with, if any."""
        found = self._load_newest()
        if found is None:
            # A student has begun with its teacher already.
            if self.options.initial_weights is not None and not isinstance(self.trainer, Distiller):
                self.trainer.start_from(self.options.initial_weights)
            if self.options.initial_reader is not None:
                self._take_reader(self.options.initial_reader)
            return
        step, complaints = found
        self._saved_step = step
        if self.group.leads:
            self.folder.forget_metrics_after(step)
            for sentence in [*complaints, f"going on from step {step} of {self.folder.path}"]:
                self.console.print(sentence, highlight=False, markup=False)

    def _load_newest(self) -> tuple[int, list[str]] | None:
        """Step of the newest whole checkpoint, at which the trainer is then, and complaints about damaged ones."""
        other = "*.ckpt" if self._shards is not None else "*.dcp"
        if any(self.folder.checkpoints.glob(other)):
            raise InvalidInput(
                f"got {self.folder.path}, which was begun {'without' if self._shards is not None else 'with'} --shard, "
                "expected it to go on so; or name another --out",
                reason="RUN_DIFFERS",
            )
        if self._shards is not None:
            found = self._shards.load_newest()
            if found is not None:
                self.trainer.step_count = found[0]
            return found
        newest = load_newest(self.folder.checkpoints)
        if newest is None:
            return None
        step, state, complaints = newest
        self.trainer.restore(state)
        return step, complaints

    def _take_reader(self, path: Path) -> None:
        if not isinstance(self.trainer, ModelTrainer):
            raise InvalidInput(
                f"got --initial-reader for {self.trainer.recipe.name}, expected a Transformer's stage; leave it out",
                reason="OPTIONS",
            )
        self.trainer.take_reader(path)

    def go(self) -> None:
        """Steps until the end, a stop, or the time limit."""
        trainer, recipe, leads = self.trainer, self.trainer.recipe, self.group.leads
        device = trainer.arithmetic.device
        work: dict[str, Tensor] = {}
        with self._progress() as progress:
            while trainer.step_count < recipe.steps:
                if self.group.any_of(self._must_stop(), device):
                    progress.say(f"stopped after step {trainer.step_count}; the same command goes on from there")
                    break
                measures = trainer.step()
                work = {name: work.get(name, 0.0) + measures[name] for name in WORK if name in measures}
                step = trainer.step_count
                progress.advance(step)
                if step % recipe.log_every_steps == 0:
                    progress.log(step, self.group.averages(measures | work))
                    work = {}
                if self._takes_part and (step % recipe.validate_every_steps == 0 or step == recipe.steps):
                    measured = trainer.validate()
                    if leads:
                        progress.validation(step, measured)
                if self._is_time_to_save(device):
                    self._try_to_save(progress)

    def _progress(self) -> RunProgress:
        trainer = self.trainer
        peak = peak_tflop_per_s(trainer.arithmetic.device, bfloat16=trainer.arithmetic.bfloat16)
        return RunProgress(
            self.folder,
            self.console,
            trainer.step_count,
            trainer.recipe.steps,
            shown=self.group.leads,
            peak_tflop_per_s=None if peak is None else peak * self.group.size,
        )

    @property
    def _takes_part(self) -> bool:
        """Whether this process validates, saves and gives weights."""
        return self.group.leads or self._shards is not None

    def _is_time_to_save(self, device: torch.device) -> bool:
        is_late = self.group.leads and time.monotonic() - self._saved_at > self.options.checkpoint_every_s
        return is_late if self._shards is None else self.group.any_of(is_late, device)

    def save(self) -> None:
        """Writes a checkpoint unless this step has one."""
        step = self.trainer.step_count
        if step != self._saved_step:
            if self._shards is not None:
                self._shards.save(step)
            else:
                save_checkpoint(self.folder.checkpoints, step, self.trainer.state())
            self._saved_step = step
        self._saved_at = time.monotonic()

    def finish(self, manifest: DataManifest) -> None:
        """Saves, and writes the weights."""
        if self._takes_part:
            self.save()
            self.write_weights(manifest)

    def write_weights(self, manifest: DataManifest) -> None:
        """Writes the averaged weights as they ship, with where they come from."""
        trainer = self.trainer
        metadata = provenance(trainer.recipe, manifest, command_line(), trainer.arithmetic.device)
        metadata |= {"steps": str(trainer.step_count)}
        for name in ("initial_weights", "initial_reader"):
            path: Path | None = getattr(self.options, name)
            if path is not None:
                metadata[f"{name}_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        metadata |= {f"{VALIDATION}{name}": f"{value:.4f}" for name, value in trainer.validate().items()}
        content = trainer.weights(metadata)
        if not self.group.leads:
            return
        replace_file(self.folder.weights, content)
        self.console.print(f"wrote {self.folder.weights} ({len(content) / 1e6:.1f} MB)", highlight=False, markup=False)

    def _must_stop(self) -> bool:
        limit_s, last_step = self.options.minutes * 60, self.options.stop_after_step
        return (
            self.stop.is_requested
            or (limit_s > 0 and time.monotonic() - self._began_at > limit_s)
            or 0 < last_step <= self.trainer.step_count
        )

    def _try_to_save(self, progress: RunProgress) -> None:
        """A full disk now may have room later: training goes on, and the last good checkpoint is still there."""
        try:
            self.save()
        except OSError as error:
            self._saved_at = time.monotonic()
            progress.say(f"could not save step {self.trainer.step_count} ({error}); the checkpoint before it is kept")


def _manifest(recipe: AnyRecipe, options: RunOptions) -> DataManifest:
    if isinstance(recipe, ModelRecipe | DistillRecipe):
        return list_encoded(options.data)
    if isinstance(recipe, EarRecipe):
        return list_heard(options.data)
    return list_data(options.data, AUDIO_SUFFIXES if isinstance(recipe, AudioCodecRecipe) else VIDEO_SUFFIXES)


def _trainer(
    recipe: AnyRecipe, manifest: DataManifest, options: RunOptions, arithmetic: Arithmetic, group: Group
) -> AnyTrainer:
    if isinstance(recipe, ModelRecipe | DistillRecipe):
        sets = [EncodedSet(file.path) for file in manifest.files]
        if isinstance(recipe, ModelRecipe):
            return ModelTrainer(ModelTask(recipe, sets), arithmetic, group, options.initial_weights)
        if options.initial_weights is None:
            raise InvalidInput(
                f"got no --initial-weights for {recipe.name}, expected those of stage 2, the teacher's",
                reason="OPTIONS",
            )
        return Distiller(recipe, sets, options.initial_weights, arithmetic, group)
    with group.leader_first():
        if isinstance(recipe, EarRecipe):
            windows = spoken_windows(manifest, options.cache)
            return EarTrainer(recipe, windows, published_ear(default_root()), arithmetic, group)
        if isinstance(recipe, AudioCodecRecipe):
            clips = audio_clips(manifest, recipe.codec.sample_rate_hz, options.cache)
            return Trainer(AudioCodecTask(recipe, clips), arithmetic, group)
        assert isinstance(recipe, VideoCodecRecipe)
        return Trainer(VideoCodecTask(recipe, video_clips(manifest, recipe.codec, options.cache)), arithmetic, group)


def _arithmetic(recipe: AnyRecipe, options: RunOptions, device: torch.device) -> Arithmetic:
    if (options.micro_batch or options.checkpointing or options.shard) and not isinstance(recipe, ModelRecipe):
        raise InvalidInput(
            f"got micro batches, checkpointing or sharding for {recipe.name}, expected none: they are for the "
            "Transformer",
            reason="OPTION_UNUSED",
        )
    if options.micro_batch < 0:
        raise InvalidInput(f"got micro batches of {options.micro_batch} windows, expected 0 or more", reason="OPTION")
    return Arithmetic(
        device=device,
        bfloat16=options.bfloat16,
        compile=options.compile,
        micro_batch=options.micro_batch,
        checkpointing=options.checkpointing,
        shard=options.shard,
    )


def _device_type(device: str) -> str:
    if device not in DEVICES:
        raise InvalidInput(f"got device {device!r}, expected one of {', '.join(DEVICES)}", reason="DEVICE")
    if device == "cuda" and not torch.cuda.is_available():
        raise InvalidInput(
            "got device 'cuda', expected a GPU that torch can use; there is none, say --device cpu", reason="DEVICE"
        )
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device
