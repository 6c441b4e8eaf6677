"""What a run learns and how: a frozen configuration that a recipe, a Python function, returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wan_streamer.model.config import AudioCodecConfig, VideoCodecConfig
from wan_streamer.train.adversarial import AdversarialConfig
from wan_streamer.train.audio_discriminators import AudioDiscriminatorConfig
from wan_streamer.train.audio_losses import AudioLossConfig
from wan_streamer.train.schedule import OptimizerConfig
from wan_streamer.train.video_discriminator import VideoDiscriminatorConfig
from wan_streamer.train.video_losses import VideoLossConfig


@dataclass(frozen=True, kw_only=True)
class CodecRecipe:
    """What audio and video have in common."""

    name: str
    seed: int = 0
    steps: int
    # Items of a step over all processes, and units of an item.
    batch_size: int
    units: int
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    adversarial: AdversarialConfig
    ema_decay: float = 0.999
    # Clips that are never learned from, by the hash of their names.
    heldout_percent: int = 4
    # Held-out items that a validation looks at.
    validation_items: int = 12
    validate_every_steps: int = 250
    log_every_steps: int = 10

    def __post_init__(self) -> None:
        if min(self.steps, self.batch_size, self.units, self.log_every_steps, self.validate_every_steps) < 1:
            raise ValueError("got steps, batch_size, units or a period below 1, expected at least 1")


@dataclass(frozen=True, kw_only=True)
class AudioCodecRecipe(CodecRecipe):
    """An audio codec."""

    codec: AudioCodecConfig
    loss: AudioLossConfig = field(default_factory=AudioLossConfig)
    discriminators: AudioDiscriminatorConfig = field(default_factory=AudioDiscriminatorConfig)


@dataclass(frozen=True, kw_only=True)
class VideoCodecRecipe(CodecRecipe):
    """A video codec.

    Attributes:
        columns: how many columns of the latent frame an item shows, those in which most moves more often; 0 is all. A
            face is a third of a picture and all that is hard in it.
        shares: how often items of a folder are drawn; 1 where it is not named. The sides of a data set's conversations,
            `agent` and `visitors`, count as folders.
    """

    codec: VideoCodecConfig
    columns: int = 0
    shares: Mapping[str, float] = field(default_factory=lambda: {"agent": 3.0})
    loss: VideoLossConfig = field(default_factory=VideoLossConfig)
    discriminators: VideoDiscriminatorConfig = field(default_factory=VideoDiscriminatorConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.columns <= self.codec.grid[1]:
            raise ValueError(f"got {self.columns} columns of {self.codec.grid[1]}, expected 0 (all) or some of them")
