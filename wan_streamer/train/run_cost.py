"""What a run of the Transformer costs, from its recipe alone: tokens, operations, hours on a GPU. Nothing is computed.

Each task's batch goes through the training forward on the meta device, which has shapes and no numbers: a recipe that
does not fit its model fails here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from wan_streamer.engine.budget import budget_of
from wan_streamer.engine.gpu import Gpu
from wan_streamer.model.config import EarConfig, ModelConfig
from wan_streamer.model.model_weights import trained_tensors
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.distill.distill_recipe import DistillRecipe
from wan_streamer.train.model_losses import Learner, token_count, training_tflop
from wan_streamer.train.model_recipe import ModelRecipe, TaskConfig
from wan_streamer.train.sequence import Batch
from wan_streamer.train.spelling import FORETOLD_UNITS
from wan_streamer.unit import FRAMES_PER_UNIT, UNIT_MS, samples_per_unit

# Weight, gradient, average and two moments, in float32.
TRAINED_BYTES, FROZEN_BYTES = 20, 4
# A backward pass has twice the products of the forward (PaLM, arXiv 2204.02311, B).
BACKWARD = 3
RGB = 3
HOUR_S, MS_PER_S = 3600, 1000


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """A kind of step.

    Attributes:
        share: of the run's steps.
        units: units of conversation in it, all windows together.
        tokens: of the sequences, noisy copies included.
        tflop: 10^12 operations, forward and backward.
    """

    name: str
    share: float
    units: int
    tokens: int
    tflop: float


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """A run.

    Attributes:
        memory_bytes: what weights, gradients, average and moments take on each GPU; activations come on top.
    """

    name: str
    steps: int
    kinds: tuple[StepCost, ...]
    memory_bytes: int

    @property
    def tokens(self) -> float:
        return self.steps * sum(kind.share * kind.tokens for kind in self.kinds)

    @property
    def pflop(self) -> float:
        return self.steps * sum(kind.share * kind.tflop for kind in self.kinds) / 1000

    @property
    def conversation_hours(self) -> float:
        """How much conversation it sees, much of it more than once."""
        return self.steps * sum(kind.share * kind.units for kind in self.kinds) * UNIT_MS / MS_PER_S / HOUR_S

    def gpu_hours(self, gpu: Gpu, utilisation: float) -> float:
        """If so much of the GPU's peak is used (MFU)."""
        return self.pflop * 1000 / (gpu.tflop_per_s * utilisation) / HOUR_S


def cost_of(recipe: ModelRecipe | DistillRecipe) -> RunCost:
    """What the recipe's run takes.

    Raises:
        ValueError, RuntimeError: a task does not fit the model.
    """
    with torch.device("meta"):
        model = WanStreamer(recipe.model)
    kinds = tuple(_distilling(recipe, model) if isinstance(recipe, DistillRecipe) else _tasks(recipe, model))
    trained = sum(tensor.numel() for tensor in trained_tensors(model).values())
    frozen = sum(tensor.numel() for tensor in model.state_dict().values()) - trained
    memory = TRAINED_BYTES * trained + FROZEN_BYTES * frozen
    if isinstance(recipe, DistillRecipe):
        # A critic without an average, and a teacher that is nothing but weights.
        memory += (TRAINED_BYTES - FROZEN_BYTES) * trained + FROZEN_BYTES * trained + 2 * FROZEN_BYTES * frozen
    return RunCost(name=recipe.name, steps=recipe.steps, kinds=kinds, memory_bytes=memory)


def _tasks(recipe: ModelRecipe, model: WanStreamer) -> Iterator[StepCost]:
    learner, shares = Learner(model, recipe), sum(task.share for task in recipe.tasks)
    for task in recipe.tasks:
        batch = shaped_batch(recipe.model, task)
        # What reads letters alone does not go through the backbone; its loss looks at numbers.
        if not task.reads:
            learner(batch)
        yield StepCost(
            name=task.name,
            share=task.share / shares,
            units=task.batch_size * task.units,
            tokens=token_count(model, batch),
            tflop=training_tflop(model, batch) + BACKWARD * _encoders_tflop(model, batch),
        )


def _distilling(recipe: DistillRecipe, model: WanStreamer) -> Iterator[StepCost]:
    """Rolling is serving; a critic's step learns from windows, a student's asks teacher and critic about them."""
    budget = budget_of(recipe.model)
    unit_tflop = sum(each.count * each.flop for each in budget.passes if each.name not in ("decode", "commit")) / 1e12
    rolled_units = recipe.sessions * recipe.roll_units
    judged = TaskConfig(
        name="judged",
        batch_size=recipe.sessions,
        units=recipe.window_units,
        noisy_units=recipe.roll_units,
        sees=True,
        shows=True,
    )
    batch = shaped_batch(recipe.model, judged)
    window_tflop = training_tflop(model, batch) / BACKWARD + _encoders_tflop(model, batch)
    tokens = token_count(model, batch)
    rolled_tflop = rolled_units * unit_tflop
    every = recipe.critic_steps + 1
    asked = 2 if recipe.guidance == 1 else 3
    # One of the student's passes has a gradient, two more forwards' worth.
    one_pass = sum(each.flop for each in budget.passes if each.name == "clean") / 1e12
    kept = [shaped_batch(recipe.model, task) for task in recipe.keeps]
    shares = sum(task.share for task in recipe.keeps)
    kept_tflop = sum(
        task.share / shares * (training_tflop(model, one) + BACKWARD * _encoders_tflop(model, one))
        for task, one in zip(recipe.keeps, kept, strict=True)
    )
    yield StepCost(
        name="critic",
        share=recipe.critic_steps / every,
        units=rolled_units,
        tokens=tokens,
        tflop=rolled_tflop + BACKWARD * window_tflop,
    )
    yield StepCost(
        name="student",
        share=1 / every,
        units=rolled_units,
        tokens=tokens,
        tflop=rolled_tflop + 2 * rolled_units * one_pass + asked * window_tflop + kept_tflop,
    )


def shaped_batch(config: ModelConfig, task: TaskConfig) -> Batch:
    """A batch of a task with the shapes that it would have, on the meta device."""
    windows, units, agent = task.batch_size, task.units, config.agent_video

    def empty(*shape: int) -> Tensor:
        return torch.zeros(windows, *shape, device="meta")

    audio_shape = (config.agent_audio.tokens_per_unit, config.agent_audio.latent_channels)
    video_shape = (agent.tokens_per_unit, agent.latent_channels)
    words = torch.zeros(windows, units, config.max_text_tokens, dtype=torch.long, device="meta")
    ear = config.user_audio
    if isinstance(ear, EarConfig):
        heard = empty(units, ear.tokens_per_unit, ear.heard_features)
    else:
        heard = empty(units * samples_per_unit(ear.sample_rate_hz))
    pixels = (units, FRAMES_PER_UNIT, RGB, config.user_video.height, config.user_video.width)
    return Batch(
        heard=heard if task.hears else None,
        seen=(empty(units, *video_shape) if config.sees_with_codec else empty(*pixels)) if task.sees else None,
        words=words,
        audio=empty(units, *audio_shape) if task.speaks else None,
        video=empty(units, *video_shape) if task.shows else None,
        noisy_units=torch.zeros(task.noisy_units, dtype=torch.long, device="meta"),
        tau=empty(task.noisy_units),
        audio_noise=empty(task.noisy_units, *audio_shape) if task.speaks else None,
        video_noise=empty(task.noisy_units, *video_shape) if task.shows else None,
        answers=words.new_zeros(windows, units + FORETOLD_UNITS, config.max_text_tokens) if task.reads else None,
        known_answers=torch.zeros(1, config.backbone.vocabulary_size, device="meta") if task.reads else None,
        forgets=task.forgets,
    )


def _encoders_tflop(model: WanStreamer, batch: Batch) -> float:
    """Forward of what encodes the user's sound and pictures, matrix products and convolutions."""
    heard, seen = batch.heard, batch.seen
    found = 0.0
    if heard is not None:
        found += _counted(lambda: model.embed_heard(heard))
    if seen is not None:
        found += _counted(lambda: model.embed_seen(seen))
    return found


def _counted(work: Callable[[], object]) -> float:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 1e12
