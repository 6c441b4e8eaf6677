"""Distribution matching: what a student makes moves to where the teacher finds it likelier than the critic does.

DMD (Yin et al., arXiv 2311.18828), with a critic that learns more often than the student (DMD2, arXiv 2405.14867), on
what the student makes as it serves, with the gradient of one of its steps (Self-Forcing, arXiv 2506.08009). Noise is
flow matching's (arXiv 2210.02747): z_tau = (1 - tau) z_0 + tau noise, tau = 1 is pure noise.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from wan_streamer.model.flow import solve

# Audio and video.
Pair = tuple[Tensor, Tensor]
# Where teacher and student agree, differences are divided by next to nothing.
LEAST_DISTANCE = 1e-3


def make_at(noise: Pair, times: Sequence[float], velocity: Callable[[Pair, float], Pair], exit_step: int) -> Pair:
    """What the solver takes for clean at one of its steps (Self-Forcing, algorithm 1), with a gradient of that alone.

    At its last step that is what it serves.

    Args:
        noise: audio and video at times[0].
        times: the solver's noise levels.
        velocity: as `solve` takes it.
        exit_step: number of the step, from 0.
    """
    with torch.no_grad():
        audio, video = solve(noise, times[: exit_step + 1], velocity)
    tau = times[exit_step]
    audio_velocity, video_velocity = velocity((audio, video), tau)
    return audio - tau * audio_velocity, video - tau * video_velocity


def clean_of(noisy: Tensor, velocity: Tensor, tau: Tensor) -> Tensor:
    """The expectation of z_0 given z_tau that a velocity stands for: z_tau - tau v (E[noise - z_0 | z_tau] = v)."""
    return noisy - tau * velocity


def guided(velocity: Tensor, without: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance (arXiv 2207.12598): scale 1 is the velocity as it is."""
    return without + scale * (velocity - without)


def matching_loss(made: Tensor, teacher_clean: Tensor, critic_clean: Tensor) -> Tensor:
    """Half a square whose gradient by `made` is DMD's (eq. 7), normalised (eq. 8) over all axes but the first.

    The scores' difference is that of the expected clean latents, in units of how far the teacher's are from `made`.

    Args:
        made: with a gradient, [B, ...].
        teacher_clean, critic_clean: what teacher and critic take for clean, given noisy copies of `made`, [B, ...].
    """
    with torch.no_grad():
        each = tuple(range(1, made.ndim))
        distance = (made - teacher_clean).abs().mean(dim=each, keepdim=True).clamp(min=LEAST_DISTANCE)
        target = made - (critic_clean - teacher_clean) / distance
    return 0.5 * F.mse_loss(made, target)
