"""Flow matching (Lipman et al., arXiv 2210.02747; rectified flow, arXiv 2209.03003): pure functions.

z_tau = (1 - tau) z_0 + tau * noise; the velocity along this line is noise - z_0; tau = 1 is pure noise, tau = 0 clean.
"""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def interpolate(clean: Tensor, noise: Tensor, tau: Tensor | float) -> Tensor:
    """z_tau on the straight line from data to noise; tau broadcasts against the latents."""
    return (1 - tau) * clean + tau * noise


def target_velocity(clean: Tensor, noise: Tensor) -> Tensor:
    """d z_tau / d tau, what the model learns to predict."""
    return noise - clean


def solver_times(steps: int) -> list[float]:
    """Noise levels at which the solver asks for a velocity, from 1 down, and the final 0; length steps + 1."""
    return [1 - step / steps for step in range(steps)] + [0.0]


def solve(
    noise: tuple[Tensor, Tensor],
    times: Sequence[float],
    velocity: Callable[[tuple[Tensor, Tensor], float], tuple[Tensor, Tensor]],
) -> tuple[Tensor, Tensor]:
    """Integrates from noise to clean latents with Euler steps, audio and video together.

    Args:
        noise: audio and video latents at times[0].
        times: decreasing noise levels, the last one is where to stop.
        velocity: audio and video velocities at (latents, tau), from one joint prediction.
    """
    audio, video = noise
    for tau, next_tau in itertools.pairwise(times):
        audio_velocity, video_velocity = velocity((audio, video), tau)
        audio = audio + (next_tau - tau) * audio_velocity
        video = video + (next_tau - tau) * video_velocity
    return audio, video


def unit_noise(shape: tuple[int, ...], seed: int, unit_index: int, stream: int) -> Tensor:
    """The noise of one unit, float32 [*shape] on the CPU.

    It depends on (seed, unit_index, stream) alone: a replay of a session draws the same noise, wherever it runs.
    """
    generator = torch.Generator().manual_seed((seed * 6364136223846793005 + unit_index * 2 + stream) % 2**63)
    return torch.randn(shape, generator=generator)
