"""Flow matching: the solver on fields whose solution is known, and the noise."""

import torch

from wan_streamer.model.flow import interpolate, solve, solver_times, target_velocity, unit_noise


def test_true_velocity_leads_to_the_data_in_any_number_of_steps() -> None:
    """On a straight line from noise to data, Euler steps are exact."""
    torch.manual_seed(0)
    data, noise = torch.randn(2, 3), torch.randn(2, 3)
    for steps in (1, 2, 7):
        audio, video = solve((noise, noise), solver_times(steps), lambda _z, _tau: (target_velocity(data, noise),) * 2)
        torch.testing.assert_close(audio, data)
        torch.testing.assert_close(video, data)


def test_solver_converges_on_a_curved_field() -> None:
    """For v = z the end is z exp(-1); the error falls with the step, as Euler's method does."""
    z = torch.ones(1, dtype=torch.float64)
    errors = [abs(float(solve((z, z), solver_times(n), lambda z, _: z)[0]) - 0.36787944117) for n in (8, 16, 32)]
    assert 1.8 < errors[0] / errors[1] < 2.2
    assert 1.8 < errors[1] / errors[2] < 2.2


def test_velocity_is_the_derivative_of_the_interpolation() -> None:
    """d z_tau / d tau equals noise - data."""
    data, noise = torch.randn(4, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    slope = (interpolate(data, noise, 0.51) - interpolate(data, noise, 0.49)) / 0.02
    torch.testing.assert_close(slope, target_velocity(data, noise))


def test_solver_asks_at_its_own_levels_from_noise_to_data() -> None:
    """The velocity is asked at 1, 1 - 1/N ...; never at 0."""
    asked: list[float] = []

    def velocity(z: tuple[torch.Tensor, torch.Tensor], tau: float) -> tuple[torch.Tensor, torch.Tensor]:
        asked.append(tau)
        return z

    solve((torch.zeros(1), torch.zeros(1)), solver_times(4), velocity)
    assert asked == [1.0, 0.75, 0.5, 0.25]


def test_noise_depends_on_seed_unit_and_stream_alone() -> None:
    """A replay draws the same noise; other units, streams and seeds draw other noise; it is standard normal."""
    a = unit_noise((28, 64), 3, 100, 1)
    assert torch.equal(a, unit_noise((28, 64), 3, 100, 1))
    others = [unit_noise((28, 64), *key) for key in ((3, 101, 1), (3, 100, 0), (4, 100, 1))]
    assert all(not torch.equal(a, other) for other in others)
    many = torch.cat([unit_noise((28, 64), 3, k, 1).flatten() for k in range(50)])
    assert abs(float(many.mean())) < 0.02
    assert abs(float(many.std()) - 1) < 0.02
