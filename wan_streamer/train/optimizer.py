"""The optimizer that a recipe asks for: AdamW, and Muon for hidden matrices."""

from collections.abc import Iterable

import torch
from torch import nn

from wan_streamer.errors import InvalidInput
from wan_streamer.train.schedule import OptimizerConfig
from wan_streamer.train.sharding import by_kind


def make_optimizer(parameters: Iterable[tuple[str, nn.Parameter]], config: OptimizerConfig) -> torch.optim.Optimizer:
    """The optimizer of these named parameters.

    Weights with two axes or more whose names begin as `config.muon` says are Muon's
    (https://kellerjordan.github.io/posts/muon): a step turns such a matrix as a whole, not number by number. All others
    are AdamW's.

    Raises:
        InvalidInput: EXTRA_MISSING.
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    slow: list[nn.Parameter] = []
    for name, parameter in parameters:
        is_matrix = parameter.ndim > 1 and parameter[0].numel() > 1
        if is_matrix and name.startswith(config.muon):
            matrices.append(parameter)
        else:
            (slow if name.startswith(config.slow) else others).append(parameter)
    decay = {"weight_decay": config.weight_decay}
    adamw = [{"params": some, "betas": config.betas, **decay} for some in by_kind(others) if some]
    adamw += [{"params": some, "is_slow": True, "betas": config.betas, **decay} for some in by_kind(slow) if some]
    if not matrices:
        return torch.optim.AdamW(adamw)
    try:
        # An audio codec can be trained without the train extra.
        from pytorch_optimizer import Muon
    except ImportError as error:
        raise InvalidInput(
            "got no pytorch-optimizer, expected it for a recipe with Muon; install the train extra (make setup-train)",
            reason="EXTRA_MISSING",
        ) from error
    return Muon([{"params": matrices, "use_muon": True, **decay}, *({"use_muon": False, **group} for group in adamw)])


def set_rates(optimizer: torch.optim.Optimizer, config: OptimizerConfig, factor: float) -> None:
    """Sets each learning rate to `factor` times the configured one."""
    for group in optimizer.param_groups:
        rate = config.muon_rate if group.get("use_muon") else config.learning_rate
        group["lr"] = factor * rate * (config.slow_ratio if group.get("is_slow") else 1)
