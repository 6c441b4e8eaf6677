"""What an avatar learns, each going on from what ships: far less than from nothing."""

import dataclasses

from wan_streamer.train.model_recipe import ModelRecipe
from wan_streamer.train.recipe import AudioCodecRecipe, VideoCodecRecipe
from wan_streamer.train.recipes import (
    audio_codec_nano_even,
    mixed,
    stage_1_nano_reading,
    stage_2_nano,
    video_codec_nano_settle,
)
from wan_streamer.train.tasks import ANSWER, IDLE, READ, SHOW, SPEAK


def audio_codec() -> AudioCodecRecipe:
    """Another voice through the codec of sound."""
    return dataclasses.replace(audio_codec_nano_even(), name="avatar-audio-codec")


def video_codec() -> VideoCodecRecipe:
    """Another face, and another place behind it, through the codec of pictures."""
    return dataclasses.replace(video_codec_nano_settle(), name="avatar-video-codec")


def reading() -> ModelRecipe:
    """Other questions and answers, for what reads letters."""
    return dataclasses.replace(stage_1_nano_reading(), name="avatar-reading")


def speaking() -> ModelRecipe:
    """Another voice and face say words, listen and wait: most of what is new, in short windows."""
    return dataclasses.replace(
        stage_2_nano(),
        name="avatar-speaking",
        tasks=mixed({SPEAK: 3.0, SHOW: 3.0, IDLE: 1.0, ANSWER: 1.0, READ: 0.5}),
        drop_text=0.05,
    )


def conversing() -> ModelRecipe:
    """All together, as the second stage."""
    return dataclasses.replace(stage_2_nano(), name="avatar-conversing")
