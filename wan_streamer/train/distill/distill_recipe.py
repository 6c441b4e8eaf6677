"""What stage 3 is made of."""

from dataclasses import dataclass, field

from wan_streamer.model.config import ModelConfig
from wan_streamer.train.model_recipe import TaskConfig
from wan_streamer.train.schedule import OptimizerConfig


@dataclass(frozen=True, kw_only=True)
class DistillRecipe:
    """How a student of few steps is made of a teacher of many.

    A step rolls all sessions on; critic_steps of them teach the critic what the student makes, the next the student.

    Attributes:
        model: the student's: its solver_steps are those that it will serve with, without guidance.
        sessions: conversations that are rolled on at the same time, over all processes.
        roll_units: units that a step adds to each.
        window_units: the newest units of a session, in which teacher and critic see them.
        session_units: after so many, far more than a window, all sessions begin anew.
        critic_steps: for each of the student's (DMD2, arXiv 2405.14867: 5).
        guidance: of the teacher, against windows without the agent's words; 1 is none.
        tau: least and most noise at which teacher and critic are asked.
        keeps: tasks of stage 2 whose words the student goes on learning, or it would forget them.
    """

    name: str
    model: ModelConfig
    seed: int = 0
    steps: int
    sessions: int = 4
    roll_units: int = 8
    window_units: int = 24
    session_units: int = 750
    critic_steps: int = 5
    guidance: float = 1.0
    tau: tuple[float, float] = (0.02, 0.98)
    keeps: tuple[TaskConfig, ...] = ()
    keep_weight: float = 1.0
    audio_weight: float = 1.0
    video_weight: float = 1.0
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(learning_rate=5e-5, betas=(0.0, 0.95), gradient_norm=1.0)
    )
    critic_optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(learning_rate=1e-4, betas=(0.0, 0.95), gradient_norm=1.0)
    )
    ema_decay: float = 0.99
    heldout_every: int = 25
    validation_units: int = 50
    validate_every_steps: int = 120
    log_every_steps: int = 6

    def __post_init__(self) -> None:
        if min(self.steps, self.sessions, self.roll_units, self.critic_steps, self.validation_units) < 1:
            raise ValueError("got steps, sessions, roll_units, critic_steps or validation_units below 1, expected more")
        if not self.roll_units <= self.window_units <= self.session_units:
            raise ValueError("got a window shorter than what a step adds, or longer than a session, expected between")
        if any(task.text != "words" or task.reads or task.noisy_units for task in self.keeps):
            raise ValueError("got a task to keep that is not of the agent's words alone, expected no noisy units")
