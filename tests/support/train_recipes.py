"""Recipes of seconds, and media to learn from, for tests of training."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.support.tiny import tiny_config
from wan_streamer.media.files import Mp4Writer
from wan_streamer.train.adversarial import AdversarialConfig
from wan_streamer.train.audio_discriminators import AudioDiscriminatorConfig
from wan_streamer.train.audio_losses import AudioLossConfig
from wan_streamer.train.recipe import AudioCodecRecipe, VideoCodecRecipe
from wan_streamer.train.schedule import OptimizerConfig
from wan_streamer.train.video_discriminator import VideoDiscriminatorConfig

RATE_HZ = 8000
OPTIMIZER = OptimizerConfig(warmup_steps=2)


def tiny_audio() -> AudioCodecRecipe:
    """Six steps, adversarial from the third on."""
    return AudioCodecRecipe(
        name="tiny-audio",
        codec=tiny_config().agent_audio,
        steps=6,
        batch_size=4,
        units=2,
        optimizer=OPTIMIZER,
        adversarial=AdversarialConfig(start_step=2),
        loss=AudioLossConfig(fft_sizes=(64, 128), mels=((128, 8),)),
        discriminators=AudioDiscriminatorConfig(
            fft_sizes=(64,), spectrum_channels=4, periods=(2, 3), period_channels=(4, 4)
        ),
        heldout_percent=30,
        validation_items=2,
        validate_every_steps=3,
        log_every_steps=1,
    )


def tiny_video() -> VideoCodecRecipe:
    """Four steps, adversarial from the third on."""
    return VideoCodecRecipe(
        name="tiny-video",
        codec=tiny_config().agent_video,
        steps=4,
        batch_size=2,
        units=2,
        optimizer=OPTIMIZER,
        adversarial=AdversarialConfig(start_step=2),
        discriminators=VideoDiscriminatorConfig(channels=(4, 8)),
        heldout_percent=0,
        validation_items=2,
        validate_every_steps=2,
        log_every_steps=1,
    )


def tone(seconds: float, frequency_hz: float, rate_hz: int = RATE_HZ) -> NDArray[np.int16]:
    """A tone at a third of full scale that begins with digital silence."""
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    samples = np.sin(2 * np.pi * frequency_hz * time_s) * (time_s > 0.1) * 10_000
    return np.asarray(samples, np.int16)


def write_wav(path: Path, samples: NDArray[np.int16], rate_hz: int = RATE_HZ) -> None:
    """Mono, 16 bit."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())


def write_tones(folder: Path, count: int = 6) -> Path:
    """A folder of tones of different lengths."""
    folder.mkdir()
    for index in range(count):
        write_wav(folder / f"tone{index}.wav", tone(0.3 + 0.2 * index, 200 + 150 * index))
    return folder


def write_film(path: Path, *, units: int = 5, size: tuple[int, int] = (64, 64)) -> Path:
    """A bright square that moves to the right over a grey ramp, and a tone."""
    width, height = size
    with Mp4Writer(path, width, height, RATE_HZ) as writer:
        for unit in range(units):
            frames = np.tile(np.linspace(40, 120, width, dtype=np.uint8)[None, None, :, None], (4, height, 1, 3))
            for frame in range(4):
                left = (4 * unit + frame) * 2 % (width - 16)
                frames[frame, 20:36, left : left + 16] = (250, 200, 60)
            writer.write(frames, tone(units * 0.16, 440)[unit * 1280 : (unit + 1) * 1280])
    return path
