"""Who updates what, and Muon against torch's own."""

import torch
from torch import nn

from wan_streamer.train.optimizer import make_optimizer, set_rates
from wan_streamer.train.schedule import OptimizerConfig

CONFIG = OptimizerConfig(learning_rate=1e-3, betas=(0.9, 0.95), weight_decay=0.1, muon=("hidden",), muon_rate=0.05)


class Net(nn.Module):
    """A hidden convolution with a gain [C, 1, 1], and a head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.hidden = nn.Conv2d(6, 12, 3, bias=True)
        self.hidden.register_parameter("gain", nn.Parameter(torch.ones(12, 1, 1)))
        self.head = nn.Linear(12, 4)

    def set_gradients(self, step: int) -> None:
        torch.manual_seed(step)
        for parameter in self.parameters():
            parameter.grad = torch.randn_like(parameter)


def test_hidden_matrices_are_muons_and_the_rest_adamws() -> None:
    """After five steps with rates that change: torch's Muon for the matrix, torch's AdamW for all else."""
    ours, theirs = Net(), Net()
    optimizer = make_optimizer(ours.named_parameters(), CONFIG)
    matrix = nn.Parameter(theirs.hidden.weight.detach().flatten(1).clone())
    muon = torch.optim.Muon([matrix], lr=CONFIG.muon_rate, weight_decay=CONFIG.weight_decay)
    others = [parameter for name, parameter in theirs.named_parameters() if name != "hidden.weight"]
    adamw = torch.optim.AdamW(others, betas=CONFIG.betas, weight_decay=CONFIG.weight_decay)
    for step in range(5):
        factor = 1 - step / 5
        for net in (ours, theirs):
            net.set_gradients(step)
        assert theirs.hidden.weight.grad is not None
        matrix.grad = theirs.hidden.weight.grad.flatten(1)
        set_rates(optimizer, CONFIG, factor)
        muon.param_groups[0]["lr"], adamw.param_groups[0]["lr"] = factor * CONFIG.muon_rate, factor * 1e-3
        for stepped in (optimizer, muon, adamw):
            stepped.step()
    # Both turn the matrix in bfloat16, in another order.
    torch.testing.assert_close(ours.hidden.weight.flatten(1), matrix, atol=2e-3, rtol=0)
    for name, parameter in theirs.named_parameters():
        if name != "hidden.weight":
            torch.testing.assert_close(ours.get_parameter(name), parameter, atol=1e-6, rtol=1e-5)


def test_without_names_all_is_adamws() -> None:
    """Muon is asked for, never assumed."""
    optimizer = make_optimizer(Net().named_parameters(), OptimizerConfig())
    assert isinstance(optimizer, torch.optim.AdamW)
    set_rates(optimizer, OptimizerConfig(learning_rate=2.0), 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5]


def test_what_is_slow_moves_a_share_as_far() -> None:
    """AdamW's first step is as long as the rate, whatever the gradient: a quarter of it for what is slow."""
    net = Net()
    before = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    config = OptimizerConfig(learning_rate=1e-3, weight_decay=0, slow=("head",), slow_ratio=0.25)
    optimizer = make_optimizer(net.named_parameters(), config)
    net.set_gradients(0)
    set_rates(optimizer, config, 0.5)
    optimizer.step()
    for name, parameter in net.named_parameters():
        moved = (parameter.detach() - before[name]).abs()
        expected = 0.5e-3 * (0.25 if name.startswith("head") else 1)
        assert torch.allclose(moved, torch.full_like(moved, expected), rtol=0.01), name
