"""The recipes: Python functions that return a frozen configuration. Any `module:function` is one, too."""

import dataclasses
import importlib
import inspect
from collections.abc import Callable

from wan_streamer.errors import InvalidInput
from wan_streamer.model.presets import nano
from wan_streamer.train.adversarial import AdversarialConfig
from wan_streamer.train.distill.distill_recipe import DistillRecipe
from wan_streamer.train.ear_trainer import EarRecipe
from wan_streamer.train.large_recipes import LARGE_RECIPES
from wan_streamer.train.model_recipe import ModelRecipe, TaskConfig
from wan_streamer.train.recipe import AudioCodecRecipe, CodecRecipe, VideoCodecRecipe
from wan_streamer.train.schedule import OptimizerConfig
from wan_streamer.train.tasks import (
    ANSWER,
    ATTEND,
    CONVERSE,
    DIALOGUE,
    DUPLEX,
    FOLLOW,
    GREET,
    HEAR,
    IDLE,
    MEET,
    NOTICE,
    REACT,
    READ,
    SHOW,
    SPEAK,
    WAIT,
    YIELD,
)

AnyRecipe = CodecRecipe | EarRecipe | ModelRecipe | DistillRecipe

# A step that no run reaches.
NEVER = 1_000_000_000
# Muon, but for the layers whose one side is pixels: in equal runs it lowers the motion error further than AdamW.
VIDEO_OPTIMIZER = OptimizerConfig(
    learning_rate=4e-4,
    betas=(0.9, 0.99),
    warmup_steps=30,
    gradient_norm=1.0,
    muon=(
        *("encoder.downs", "encoder.mix", "bottleneck"),
        *("decoder.enter", "decoder.mix", "decoder.coarse", "decoder.ups", "decoder.frames", "decoder.fine"),
    ),
    muon_rate=0.006,
)
# Tasks change from step to step: smaller steps than one task alone takes, and a longer memory of how gradients vary.
MIXTURE_OPTIMIZER = OptimizerConfig(
    learning_rate=7e-4, betas=(0.9, 0.98), warmup_steps=100, gradient_norm=1.0, final_ratio=0.1
)


def audio_codec_nano() -> AudioCodecRecipe:
    """nano's audio codec: what one CPU core does in an hour, 0.96 s a piece.

    Without an adversarial phase: a thousand steps of it made the voice worse by DNSMOS (2.6 to 2.3).
    """
    return AudioCodecRecipe(
        name="audio-codec-nano",
        codec=nano().agent_audio,
        steps=12_000,
        batch_size=8,
        units=6,
        adversarial=AdversarialConfig(start_step=NEVER),
    )


def audio_codec_nano_even() -> AudioCodecRecipe:
    """The rest for weights of an `audio-codec-nano` that was trained without the loss for beats (--initial-weights)."""
    return dataclasses.replace(
        audio_codec_nano(), name="audio-codec-nano-even", steps=2500, optimizer=OptimizerConfig(learning_rate=4e-4)
    )


def video_codec_nano() -> VideoCodecRecipe:
    """nano's video codec: what two CPU cores do in an hour, pieces of three units of many scenes."""
    return VideoCodecRecipe(
        name="video-codec-nano",
        codec=nano().agent_video,
        steps=8000,
        batch_size=4,
        units=3,
        optimizer=VIDEO_OPTIMIZER,
        adversarial=AdversarialConfig(start_step=NEVER, weight=0.02, feature_weight=0.1),
    )


def video_codec_nano_pieces() -> VideoCodecRecipe:
    """Goes on where faces are: more than twice as many for the same cost; `video-codec-nano-settle` must follow."""
    return dataclasses.replace(video_codec_nano(), name="video-codec-nano-pieces", steps=4000, batch_size=8, columns=3)


def video_codec_nano_settle() -> VideoCodecRecipe:
    """The end of `video-codec-nano-pieces`: whole pictures again, at a quarter of the rates."""
    rates = dataclasses.replace(VIDEO_OPTIMIZER, learning_rate=1e-4, muon_rate=0.0015)
    return dataclasses.replace(video_codec_nano(), name="video-codec-nano-settle", steps=600, optimizer=rates)


def ear_nano() -> EarRecipe:
    """Whisper's ear learns the visitors' voices, rooms and words: what two CPU cores do in an hour and a half."""
    return EarRecipe(name="ear-nano", steps=8000)


def stage_1_nano_reading() -> ModelRecipe:
    """Words and answers from letters, for the reader alone: what comes after it would take days to learn to read."""
    optimizer = OptimizerConfig(learning_rate=2e-3, betas=(0.9, 0.98), warmup_steps=50, weight_decay=0.05)
    return ModelRecipe(
        name="stage-1-nano-reading", model=nano(), steps=5000, tasks=mixed({READ: 1.0}), optimizer=optimizer
    )


def stage_1_nano_voice() -> ModelRecipe:
    """The longest part of nano's first stage, alone: a voice that says the words."""
    optimizer = OptimizerConfig(betas=(0.9, 0.95), warmup_steps=100, gradient_norm=1.0, final_ratio=0.3)
    return ModelRecipe(
        name="stage-1-nano-voice",
        model=nano(),
        steps=2000,
        tasks=mixed({SPEAK: 1.0}),
        optimizer=optimizer,
        drop_text=0.05,
    )


def stage_1_nano_face() -> ModelRecipe:
    """The face that speaks, listens and idles, and what visitors do, without hearing: beside `stage-1-nano-reading`."""
    return ModelRecipe(
        name="stage-1-nano-face",
        model=nano(),
        steps=4000,
        tasks=mixed({SHOW: 3.0, IDLE: 1.5, SPEAK: 1.0, NOTICE: 0.5, REACT: 0.5}),
        optimizer=dataclasses.replace(MIXTURE_OPTIMIZER, learning_rate=1e-3),
        drop_text=0.05,
    )


def stage_1_nano() -> ModelRecipe:
    """The end of nano's first stage: each skill in short sequences; what was learned alone has to be kept only."""
    understanding = {READ: 1.0, HEAR: 1.0, ANSWER: 6.0, DIALOGUE: 0.5, NOTICE: 0.5, REACT: 0.75}
    generation = {SPEAK: 1.0, SHOW: 1.25, IDLE: 0.5, CONVERSE: 1.0}
    return ModelRecipe(
        name="stage-1-nano",
        model=nano(),
        steps=6000,
        tasks=mixed(understanding | generation),
        optimizer=MIXTURE_OPTIMIZER,
        drop_text=0.05,
    )


def stage_2_nano() -> ModelRecipe:
    """nano's second stage: conversations with all streams, and without pictures, which are longer for the same cost.

    Reading and answering, which have by far the most data, go on beside them.
    """
    return ModelRecipe(
        name="stage-2-nano",
        model=nano(),
        steps=8000,
        tasks=mixed(
            {DUPLEX: 0.7, FOLLOW: 1.5, CONVERSE: 0.6, SPEAK: 1.0, SHOW: 0.7, READ: 0.4}
            | {MEET: 3.5, YIELD: 1.2, WAIT: 0.6, GREET: 1.3, ANSWER: 1.0, ATTEND: 0.7, REACT: 0.2}
        ),
        optimizer=dataclasses.replace(MIXTURE_OPTIMIZER, learning_rate=5e-4, warmup_steps=50, slow=("user_audio.",)),
        drop_text=0.1,
    )


def stage_3_nano() -> DistillRecipe:
    """nano's third stage: two steps without guidance say and show what more of them would with it."""
    return DistillRecipe(
        name="stage-3-nano",
        model=nano(),
        steps=3000,
        keeps=mixed({MEET: 3.0, WAIT: 0.4, GREET: 1.0, ANSWER: 1.0, ATTEND: 1.0}),
    )


def mixed(shares: dict[TaskConfig, float]) -> tuple[TaskConfig, ...]:
    """Tasks, each with how often a step is of it relative to the others."""
    return tuple(dataclasses.replace(task, share=share) for task, share in shares.items())


RECIPES: dict[str, Callable[[], AnyRecipe]] = {
    "audio-codec-nano": audio_codec_nano,
    "audio-codec-nano-even": audio_codec_nano_even,
    "video-codec-nano": video_codec_nano,
    "video-codec-nano-pieces": video_codec_nano_pieces,
    "video-codec-nano-settle": video_codec_nano_settle,
    "ear-nano": ear_nano,
    "stage-1-nano-reading": stage_1_nano_reading,
    "stage-1-nano-voice": stage_1_nano_voice,
    "stage-1-nano-face": stage_1_nano_face,
    "stage-1-nano": stage_1_nano,
    "stage-2-nano": stage_2_nano,
    "stage-3-nano": stage_3_nano,
    **LARGE_RECIPES,
}


def recipe_named(name: str, *, steps: int | None = None, seed: int | None = None) -> AnyRecipe:
    """The recipe of this name, or of a function elsewhere named `module:function`, with other steps or seed.

    Raises:
        InvalidInput: RECIPE_UNKNOWN.
    """
    function = _function(name)
    recipe = None if inspect.signature(function).parameters else function()
    if not isinstance(recipe, AnyRecipe):
        raise InvalidInput(
            f"got {name}, expected a function without arguments that returns a recipe", reason="RECIPE_UNKNOWN"
        )
    try:
        return dataclasses.replace(
            recipe,
            steps=recipe.steps if steps is None else steps,
            seed=recipe.seed if seed is None else seed,
        )
    except ValueError as error:
        raise InvalidInput(str(error), reason="RECIPE_INVALID") from error


def _function(name: str) -> Callable[[], AnyRecipe]:
    if name in RECIPES:
        return RECIPES[name]
    module_name, colon, function_name = name.partition(":")
    unknown = f"got recipe {name!r}, expected one of {', '.join(RECIPES)}, or module:function"
    if not colon:
        raise InvalidInput(unknown, reason="RECIPE_UNKNOWN")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"{unknown} that can be imported ({error})", reason="RECIPE_UNKNOWN") from error
    if not inspect.isfunction(function):
        raise InvalidInput(f"{unknown}; {function_name} is no function", reason="RECIPE_UNKNOWN")
    return function
