"""Distribution matching on two mixtures in the plane, where the teacher's velocity is known in closed form."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wan_streamer.model.flow import interpolate, solve, solver_times, target_velocity
from wan_streamer.train.distill.matching import Pair, clean_of, guided, make_at, matching_loss

# Centres of the two mixtures, the second's a third as wide: each modality needs a normaliser of its own.
AUDIO = torch.tensor([[2.0, 0.0], [-1.0, 1.8], [-1.0, -1.8]])
VIDEO = 0.4 * torch.tensor([[1.5, 1.5], [-1.5, 1.5], [-1.5, -1.5], [1.5, -1.5]])
DEVIATIONS = (0.2, 0.1)
Velocity = Callable[[Pair, float | Tensor], Pair]


def draw(centres: Tensor, deviation: float, count: int, generator: torch.Generator) -> Tensor:
    """Points [count, 2] of a mixture of equal shares."""
    chosen = torch.randint(len(centres), (count,), generator=generator)
    return centres[chosen] + deviation * torch.randn(count, 2, generator=generator)


def true_velocity(z: Tensor, tau: float | Tensor, centres: Tensor, deviation: float) -> Tensor:
    """E[noise - z_0 | z_tau] of a mixture of normal distributions (Bayes' rule)."""
    tau = torch.as_tensor(tau).expand(len(z))[:, None]
    variance = (1 - tau) ** 2 * deviation**2 + tau**2
    off = z[:, None] - (1 - tau)[..., None] * centres
    shares = (-(off**2).sum(-1) / (2 * variance)).softmax(dim=-1)
    clean = centres + ((1 - tau) * deviation**2 / variance)[..., None] * off
    noise = (tau / variance)[..., None] * off
    return (shares[..., None] * (noise - clean)).sum(1)


def teacher(latents: Pair, tau: float | Tensor) -> Pair:
    """The right answer."""
    audio, video = latents
    return true_velocity(audio, tau, AUDIO, DEVIATIONS[0]), true_velocity(video, tau, VIDEO, DEVIATIONS[1])


class Net(nn.Module):
    """Velocities of both, from both and the noise level."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 4))

    def forward(self, latents: Pair, tau: float | Tensor) -> Pair:
        level = torch.as_tensor(tau).expand(len(latents[0]))[:, None]
        features = torch.cat([*latents, level, level**2, (math.pi * level).sin(), (math.pi * level).cos()], dim=1)
        audio, video = self.layers(features).split(2, dim=1)
        return audio, video


def distance(points: Tensor, others: Tensor) -> float:
    """Sliced Wasserstein distance: of the sorted projections on 32 directions."""
    angles = torch.arange(32) * math.pi / 32
    directions = torch.stack([angles.cos(), angles.sin()])
    return float(((points @ directions).sort(0).values - (others @ directions).sort(0).values).abs().mean())


def flow_loss(net: Velocity, clean: Pair, generator: torch.Generator) -> Tensor:
    """Flow matching of both, the second scaled to the first."""
    tau = torch.rand(len(clean[0]), 1, generator=generator)
    noise = tuple(torch.randn(z.shape, generator=generator) for z in clean)
    noisy = tuple(interpolate(z, n, tau) for z, n in zip(clean, noise, strict=True))
    found = net((noisy[0], noisy[1]), tau[:, 0])
    return torch.stack(
        [F.mse_loss(v, target_velocity(z, n)) for v, z, n in zip(found, clean, noise, strict=True)]
    ).sum()


def test_a_student_of_two_steps_reaches_what_its_teacher_reaches_in_many() -> None:
    """From a copy of the teacher, which two steps serve badly, to its distance from the data."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    times, count = solver_times(2), 256
    student, critic = Net(), Net()
    start = torch.optim.AdamW(student.parameters(), lr=2e-3)
    for _ in range(1200):
        clean = draw(AUDIO, DEVIATIONS[0], count, generator), draw(VIDEO, DEVIATIONS[1], count, generator)
        start.zero_grad()
        flow_loss(student, clean, generator).backward()
        start.step()
    critic.load_state_dict(student.state_dict())

    def noises(size: int) -> Pair:
        audio, video = (torch.randn(size, 2, generator=generator) for _ in range(2))
        return audio, video

    @torch.no_grad()
    def errors(velocity: Velocity, steps: int) -> list[float]:
        """How far 4,000 of its points are from the data, in units of how far two draws of the data are."""
        made = solve(noises(4000), solver_times(steps), velocity)
        found = []
        for points, centres, deviation in zip(made, (AUDIO, VIDEO), DEVIATIONS, strict=True):
            real, other = (draw(centres, deviation, 4000, generator) for _ in range(2))
            found.append(distance(points, real) / distance(real, other))
        return found

    before, best = errors(student, 2), errors(teacher, 64)
    learns = torch.optim.AdamW(student.parameters(), lr=1e-3, betas=(0.0, 0.9))
    follows = torch.optim.AdamW(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))
    rates = [torch.optim.lr_scheduler.CosineAnnealingLR(*one) for one in ((learns, 500), (follows, 2500))]
    for step in range(3000):
        exit_step = int(torch.randint(2, (1,), generator=generator))
        made = make_at(noises(count), times, student, exit_step)
        if step % 6:
            follows.zero_grad()
            flow_loss(critic, (made[0].detach(), made[1].detach()), generator).backward()
            follows.step()
            rates[1].step()
            continue
        tau = torch.rand(count, 1, generator=generator) * 0.96 + 0.02
        noisy = tuple(interpolate(z.detach(), n, tau) for z, n in zip(made, noises(count), strict=True))
        with torch.no_grad():
            right, wrong = (net((noisy[0], noisy[1]), tau[:, 0]) for net in (teacher, critic))
        losses = [
            matching_loss(z, clean_of(n, r, tau), clean_of(n, w, tau))
            for z, n, r, w in zip(made, noisy, right, wrong, strict=True)
        ]
        learns.zero_grad()
        torch.stack(losses).sum().backward()
        learns.step()
        rates[0].step()
    after = errors(student, 2)
    for one, start_error, least in zip(after, before, best, strict=True):
        assert one < start_error / 2
        assert one < 3 * least


def test_guidance_of_one_changes_nothing() -> None:
    """And of two goes as far again."""
    velocity, without = torch.randn(3, 2), torch.randn(3, 2)
    assert torch.allclose(guided(velocity, without, 1.0), velocity)
    assert torch.allclose(guided(velocity, without, 2.0) - velocity, velocity - without, atol=1e-6)


def test_the_loss_has_the_gradient_of_distribution_matching() -> None:
    """Equations 7 and 8: critic minus teacher, in units of the teacher's distance; none where they agree."""
    made = torch.randn(4, 3, 2, requires_grad=True)
    teacher_clean, critic_clean = torch.randn(4, 3, 2), torch.randn(4, 3, 2)
    [gradient] = torch.autograd.grad(matching_loss(made, teacher_clean, critic_clean), made)
    far = (made.detach() - teacher_clean).abs().mean(dim=(1, 2), keepdim=True)
    assert torch.allclose(gradient * made.numel(), (critic_clean - teacher_clean) / far, atol=1e-6)
    [none] = torch.autograd.grad(matching_loss(made, teacher_clean, teacher_clean), made)
    assert not none.any()
