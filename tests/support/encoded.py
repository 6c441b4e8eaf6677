"""Encoded conversations of random numbers for a model of small sizes, and a recipe that learns from them."""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from tests.support.tiny import tiny_config
from wan_streamer.model.config import EarConfig, HistoryConfig, ModelConfig
from wan_streamer.model.model_weights import pack_model
from wan_streamer.model.presets import untrained
from wan_streamer.model.senses import senses_fingerprint, senses_metadata
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.train.distill.distill_recipe import DistillRecipe
from wan_streamer.train.encoded import unit_type
from wan_streamer.train.encoded_set import path_of, write_index, write_records
from wan_streamer.train.model_recipe import ModelRecipe, TaskConfig
from wan_streamer.train.words import NOTHING

HISTORY = HistoryConfig(
    sink_units=1, user_video_units=4, user_audio_units=8, agent_text_units=16, agent_audio_units=8, agent_video_units=4
)


def small_model() -> ModelConfig:
    """As nano is made: the pretrained ears, and the agent's video codec for the user's pictures."""
    config = tiny_config(history=HISTORY)
    return dataclasses.replace(config, user_audio=EarConfig(width=8, buckets=64, dilations=(1,)), sees_with_codec=True)


def tiny_model() -> ModelRecipe:
    """Three tasks, six steps."""
    return ModelRecipe(
        name="tiny-model",
        model=small_model(),
        steps=6,
        tasks=(
            TaskConfig(name="read", share=0.5, batch_size=2, units=6, speaks=False, text="said", reads=True),
            TaskConfig(name="speak", share=1, batch_size=2, units=6, noisy_units=6, hears=False, where="turn"),
            TaskConfig(name="converse", share=1, batch_size=2, units=8, noisy_units=3, sees=True, shows=True),
        ),
        validation_items=2,
        validate_every_steps=3,
        log_every_steps=1,
    )


def tiny_student() -> DistillRecipe:
    """The critic, the critic, the student, and once more."""
    return DistillRecipe(
        name="tiny-student",
        model=small_model(),
        steps=6,
        sessions=2,
        roll_units=2,
        window_units=5,
        session_units=9,
        critic_steps=2,
        guidance=2.0,
        keeps=(TaskConfig(name="attend", batch_size=2, units=8, speaks=False),),
        heldout_every=4,
        validation_units=4,
        validate_every_steps=3,
        log_every_steps=1,
    )


def write_teacher(path: Path, *, scale: float = 1.0) -> Path:
    """Weights of stage 2 that say nothing yet, for the codecs of `write_encoded`."""
    model = untrained(small_model(), 0)
    model.text_head.weight.data *= scale
    path.write_bytes(pack_model(model, senses_metadata(model, pictures=True), torch.float32))
    return path


def write_encoded(folder: Path, *, count: int = 4, units: int = 20, pictures: bool = True, sound: bool = True) -> Path:
    """Conversations in which a visitor speaks in units 4 to 7 and the agent in units 8 to 15."""
    folder.mkdir(parents=True)
    config, random = small_model(), np.random.default_rng(0)
    vocabulary = vocabulary_named(config.vocabulary)
    for number in range(count):
        records = np.zeros(units, unit_type(config, pictures=pictures, agent_sound=sound))
        for name in set(records.dtype.names or ()) & {"heard", "audio", "seen", "video"}:
            records[name] = random.standard_normal(records[name].shape)
        records["speaks"][8:16] = True
        for name, first in (("words", 8), ("said", 4), ("noticed", 4)):
            records[name] = NOTHING
            records[name][:, 0] = vocabulary.listen
            records[name][first : first + 4, 0] = random.integers(97, 122, 4)
            records[name][first : first + 4, 1] = vocabulary.end
        write_records(path_of(folder, number), records)
    senses = senses_fingerprint(untrained(config, 0), pictures=pictures)
    write_index(folder, {"count": count, "pictures": pictures, "preset": "tiny", "data_sha256": "", "model": senses})
    return folder
