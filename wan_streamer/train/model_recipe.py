"""What a stage of the Transformer's training learns: a mixture of tasks over encoded conversations."""

from dataclasses import dataclass, field
from typing import Literal

from wan_streamer.model.config import ModelConfig
from wan_streamer.train.schedule import OptimizerConfig

Text = Literal["words", "given", "said", "noticed", "dialogue"]


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """Windows of conversations with some of their streams; the rest of the model is left out of the sequence.

    Attributes:
        batch_size: windows of a step, over all processes.
        units: length of a window.
        share: how often a step is of this task, relative to the others.
        noisy_units: how many units of a window have a noisy copy.
        hears, sees: the user's sound and pictures are in the sequence.
        speaks, shows: the agent's sound and pictures are.
        text: what the text tokens are: the agent's words, to be learned or only given; the visitors' (to be heard);
            names of what visitors do (to be seen); or both sides' words, and then the user streams are blank.
        reads: the visitors' words, and what will be answered, for what reads letters alone; the backbone has no part.
        forgets: no unit sees the words of those before it: what is written must come from what is heard and seen, not
            from sentences learned by heart.
        borrows: the agent's sound and all pictures come from another conversation, out of a time in which the agent is
            silent: what is answered, and to what nothing is, is then learned beside all streams from far more
            conversations than there are pictures of. Windows around questions end where its voice begins, windows from
            anywhere lie where it is silent. Interruptions are questions beside an agent that another one interrupted.
        where: windows from anywhere, or of the agent's turns: long ones more often, and what is said n times as often
            as what is said once times the root of n, so that rare answers are learned, too; or around what visitors say
            to the agent or do.
    """

    name: str
    batch_size: int
    units: int
    share: float = 1.0
    noisy_units: int = 0
    hears: bool = True
    sees: bool = False
    speaks: bool = True
    shows: bool = False
    text: Text = "words"
    reads: bool = False
    forgets: bool = False
    borrows: bool = False
    where: Literal["anywhere", "turn", "question", "action", "interruption"] = "anywhere"

    def __post_init__(self) -> None:
        if min(self.batch_size, self.units) < 1 or not 0 <= self.noisy_units <= self.units:
            raise ValueError("got batch_size or units below 1 or noisy_units beyond the units, expected a window")
        if self.noisy_units and not (self.speaks or self.shows):
            raise ValueError("got noisy units of a task without latents, expected speaks or shows")
        if self.reads and (self.speaks or self.sees or self.text != "said" or not self.hears):
            raise ValueError("got a task that reads something else than what is said, expected hears, said, no more")
        can_borrow = self.where not in ("turn", "action") and self.speaks and self.shows and not self.noisy_units
        if self.borrows and not can_borrow:
            raise ValueError(
                "got a task that borrows and makes media, or has none, or around turns or actions, expected no noisy "
                "units, anywhere or around questions or interruptions"
            )
        if self.where == "interruption" and not self.borrows:
            raise ValueError("got windows around interruptions that do not borrow, expected borrows")
        if self.sees and not self.hears:
            raise ValueError("got a task that sees and does not hear: the last user token writes the words")


@dataclass(frozen=True, kw_only=True)
class ModelRecipe:
    """A stage of training.

    Attributes:
        drop_user, drop_text: share of windows whose user streams are blank, and of those without any text token, for
            guidance (arXiv 2207.12598).
        context_noise: deviation of the noise on the clean latents that others see, against drift.
        text_weight, audio_weight, video_weight: of the losses: cross-entropy, squared errors of velocities.
    """

    name: str
    model: ModelConfig
    tasks: tuple[TaskConfig, ...]
    seed: int = 0
    steps: int
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(betas=(0.9, 0.95), warmup_steps=200, gradient_norm=1.0)
    )
    ema_decay: float = 0.999
    drop_user: float = 0.1
    drop_text: float = 0.0
    context_noise: float = 0.05
    text_weight: float = 1.0
    audio_weight: float = 1.0
    video_weight: float = 1.0
    # Every so many-th conversation is never learned from.
    heldout_every: int = 25
    validation_items: int = 16
    validate_every_steps: int = 250
    log_every_steps: int = 10

    def __post_init__(self) -> None:
        if min(self.steps, self.validation_items, self.validate_every_steps, self.log_every_steps) < 1:
            raise ValueError("got steps, validation_items or a period below 1, expected at least 1")
        if not self.tasks:
            raise ValueError("got no tasks, expected at least one")
