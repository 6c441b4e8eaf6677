"""The student's rollout is what the suite serves, and its gradient that of the one step that it is learned from."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support.encoded import small_model
from tests.unit.test_engine_parity import random_model
from tests.unit.test_train_sequence import HISTORY, UNITS, served
from wan_streamer.train.distill.matching import Pair
from wan_streamer.train.distill.rollout import Passes, Rollout
from wan_streamer.train.sequence import Batch


def units(batch: Batch) -> Iterator[tuple[NDArray[Any], Pair]]:
    """Records and noise of each unit of a conversation of one."""
    assert batch.seen is not None
    assert batch.heard is not None
    assert batch.audio_noise is not None
    assert batch.video_noise is not None
    fields = {"seen": batch.seen[0].numpy(), "heard": batch.heard[0].numpy(), "words": batch.words[0].numpy()}
    for k in range(UNITS):
        kind = np.dtype([(name, values.dtype, values.shape[1:]) for name, values in fields.items()])
        yield (
            np.array(tuple(values[k] for values in fields.values()), kind),
            (batch.audio_noise[0, k], batch.video_noise[0, k]),
        )


@pytest.mark.parametrize("lag", [0, 1])
def test_a_rollout_is_serving(lag: int) -> None:
    """With the last step's latents it makes what thinker and performer make, far past the windows, gradient or not."""
    model = random_model(dataclasses.replace(small_model(), lag=lag, history=HISTORY), torch.float64)
    conversation = served(model)
    assert conversation.audio is not None
    assert conversation.video is not None
    for learns in (False, True):
        model.requires_grad_(learns)
        rollout, passes = Rollout(model), Passes(model)
        for k, (record, noise) in enumerate(units(conversation)):
            made = rollout.next_unit(passes, record, noise, exit_step=1)
            for one, right in zip(made, (conversation.audio, conversation.video), strict=True):
                assert one.requires_grad == learns
                torch.testing.assert_close(one.detach(), right[0, k], rtol=0, atol=1e-10)


@pytest.mark.parametrize("exit_step", [0, 1])
def test_the_gradient_is_that_of_one_step(exit_step: int) -> None:
    """By finite differences, through all blocks: of the exit step of a unit; what came before it is constant."""
    model = random_model(dataclasses.replace(small_model(), history=HISTORY), torch.float64).requires_grad_(False)
    steps = list(units(served(model)))[:4]
    generator = torch.Generator().manual_seed(0)
    shape = Passes(model).latents._modulations[1.0].shape
    direction = torch.randn(shape, generator=generator, dtype=torch.float64)

    def last_unit(passes: Passes) -> torch.Tensor:
        rollout = Rollout(model)
        for record, noise in steps[:3]:
            rollout.next_unit(Passes(model), record, noise, 1)
        made = rollout.next_unit(passes, *steps[3], exit_step)
        assert not any(tensor.requires_grad for tensor in rollout._cache.tensors)
        return torch.stack([part.square().sum() for part in made]).sum()

    def moved(by: float) -> float:
        passes = Passes(model)
        passes.latents._modulations[tau] = passes.latents._modulations[tau] + by * direction
        return float(last_unit(passes))

    learning = Passes(model)
    tau = learning.latents.times[exit_step]
    levels = [learning.latents._modulations[level].requires_grad_(True) for level in (1.0, 0.5, 0.0)]
    gradients = torch.autograd.grad(last_unit(learning), levels, allow_unused=True)
    assert [gradient is not None for gradient in gradients] == [exit_step == 0, exit_step == 1, False]
    slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
    assert slope == pytest.approx(float((gradients[exit_step] * direction).sum()), rel=1e-6)
    assert abs(slope) > 1e-3
