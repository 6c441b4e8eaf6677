"""The stages of the large presets: those of nano, with larger batches, from a Qwen3 checkpoint. Nobody has run them.

`wan-streamer train stage-1-v0_1 --dry-run` says what they cost. Batches are sizes that published models of this kind
take, windows are nano's: eight seconds of all streams. What they would learn from: docs/training.md.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping

from wan_streamer.model.config import ModelConfig
from wan_streamer.model.presets import v0_1, v0_1_1b7, v0_2, v0_2_1b7
from wan_streamer.train import tasks
from wan_streamer.train.distill.distill_recipe import DistillRecipe
from wan_streamer.train.model_recipe import ModelRecipe, TaskConfig
from wan_streamer.train.schedule import OptimizerConfig

# Of windows in a batch, against nano's.
LARGER = 16
# What the checkpoint knows already learns slower than what is new.
_OPTIMIZER = OptimizerConfig(
    learning_rate=3e-4,
    betas=(0.9, 0.95),
    weight_decay=0.1,
    warmup_steps=2000,
    gradient_norm=1.0,
    final_ratio=0.1,
    slow=("transformer.", "text_"),
    slow_ratio=0.2,
)


def _larger(shares: Mapping[TaskConfig, float]) -> tuple[TaskConfig, ...]:
    return tuple(
        dataclasses.replace(task, share=share, batch_size=LARGER * task.batch_size) for task, share in shares.items()
    )


def stage_1(config: ModelConfig) -> ModelRecipe:
    """Understanding and generation, each in short sequences; the ears and eyes of its own are learned here."""
    understanding = {tasks.HEAR: 4.0, tasks.ANSWER: 2.0, tasks.DIALOGUE: 0.5, tasks.NOTICE: 1.0, tasks.REACT: 0.5}
    generation = {tasks.SPEAK: 3.0, tasks.SHOW: 3.0, tasks.IDLE: 1.0, tasks.CONVERSE: 1.0}
    return ModelRecipe(
        name=f"stage-1-{config.name}",
        model=config,
        steps=100_000,
        tasks=_larger(understanding | generation),
        optimizer=_OPTIMIZER,
        drop_text=0.05,
        ema_decay=0.9999,
        validate_every_steps=2000,
    )


def stage_2(config: ModelConfig) -> ModelRecipe:
    """Conversations with all streams."""
    return ModelRecipe(
        name=f"stage-2-{config.name}",
        model=config,
        steps=40_000,
        tasks=_larger({tasks.DUPLEX: 4.0, tasks.CONVERSE: 1.0, tasks.GREET: 0.5, tasks.ANSWER: 0.5, tasks.SPEAK: 0.5}),
        optimizer=dataclasses.replace(_OPTIMIZER, learning_rate=1e-4),
        drop_text=0.1,
        ema_decay=0.9999,
        validate_every_steps=2000,
    )


def stage_3(config: ModelConfig) -> DistillRecipe:
    """The student: as many solver steps as the preset serves with, from a teacher with guidance."""
    return DistillRecipe(
        name=f"stage-3-{config.name}",
        model=config,
        steps=12_000,
        sessions=64,
        guidance=3.0,
        keeps=_larger({tasks.ANSWER: 1.0, tasks.ATTEND: 1.0}),
        optimizer=OptimizerConfig(learning_rate=2e-6, betas=(0.0, 0.95), gradient_norm=1.0),
        critic_optimizer=OptimizerConfig(learning_rate=4e-7, betas=(0.0, 0.95), gradient_norm=1.0),
    )


_STAGES: tuple[Callable[[ModelConfig], ModelRecipe | DistillRecipe], ...] = (stage_1, stage_2, stage_3)
LARGE_RECIPES: dict[str, Callable[[], ModelRecipe | DistillRecipe]] = {
    f"stage-{number}-{config().name}": functools.partial(stage, config())
    for config in (v0_1, v0_1_1b7, v0_2, v0_2_1b7)
    for number, stage in enumerate(_STAGES, start=1)
}
