"""What a run is said to cost, against what steps really do; and that every stage of every preset fits together."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support.encoded import tiny_model, tiny_student, write_encoded
from wan_streamer.engine.gpu import gpu_named
from wan_streamer.model.presets import untrained, v0_1, v0_2
from wan_streamer.train.__main__ import main
from wan_streamer.train.distill.distill_recipe import DistillRecipe
from wan_streamer.train.encoded_set import EncodedSet
from wan_streamer.train.large_recipes import LARGE_RECIPES, stage_2
from wan_streamer.train.model_losses import Learner, token_count, training_tflop
from wan_streamer.train.model_recipe import ModelRecipe
from wan_streamer.train.model_trainer import ModelTask
from wan_streamer.train.recipes import RECIPES
from wan_streamer.train.run_cost import cost_of, shaped_batch
from wan_streamer.train.sequence import Batch

STAGES = {name: make for name, make in RECIPES.items() if name.startswith("stage-")}


def test_batches_have_the_shapes_that_data_gives(tmp_path: Path) -> None:
    """Field by field, and as many tokens and operations as those of real windows."""
    recipe, model = tiny_model(), untrained(tiny_model().model, 0)
    task = ModelTask(recipe, [EncodedSet(write_encoded(tmp_path / "data"))])
    for windows in task.training:
        real = windows.batch(recipe, 0, range(windows.task.batch_size))
        shaped = shaped_batch(recipe.model, windows.task)
        for field in dataclasses.fields(Batch):
            ours, theirs = getattr(shaped, field.name), getattr(real, field.name)
            if isinstance(theirs, Tensor) and field.name not in ("known_answers", "learns_words", "learns_media"):
                assert ours.shape == theirs.shape, (windows.task.name, field.name)
        assert token_count(model, real) == token_count(model, shaped)
        assert training_tflop(model, real) == training_tflop(model, shaped)
    cost = cost_of(recipe)
    assert [kind.name for kind in cost.kinds] == ["read", "speak", "converse"]
    assert sum(kind.share for kind in cost.kinds) == pytest.approx(1)
    assert cost.conversation_hours == pytest.approx(6 * (0.2 * 12 + 0.4 * 12 + 0.4 * 16) * 0.16 / 3600)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name.endswith("_1b7") else ()) for name in STAGES]
)
def test_every_stage_goes_through_the_training_forward(name: str) -> None:
    """On the meta device, with the tokens that its batches have."""
    recipe = STAGES[name]()
    assert isinstance(recipe, ModelRecipe | DistillRecipe)
    assert cost_of(recipe).pflop > 0


def test_cost_goes_with_steps_and_with_what_a_gpu_is_used_for() -> None:
    """Twice the steps take twice as long, and so does half of the peak."""
    once, twice = (cost_of(dataclasses.replace(tiny_model(), steps=steps)) for steps in (6, 12))
    gpu = gpu_named("H100")
    assert twice.tokens == 2 * once.tokens
    assert twice.gpu_hours(gpu, 1.0) == pytest.approx(2 * once.gpu_hours(gpu, 1.0))
    assert once.gpu_hours(gpu, 0.5) == pytest.approx(2 * once.gpu_hours(gpu, 1.0))


def test_a_student_costs_what_it_rolls_and_asks() -> None:
    """Guidance asks the teacher twice; a longer roll costs more; teacher and critic take memory."""
    plain, guided = (cost_of(dataclasses.replace(tiny_student(), guidance=scale)) for scale in (1.0, 2.0))
    further = cost_of(dataclasses.replace(tiny_student(), roll_units=4))
    assert [kind.name for kind in plain.kinds] == ["critic", "student"]
    assert guided.kinds[0] == plain.kinds[0]
    assert plain.kinds[1].tflop < guided.kinds[1].tflop
    assert plain.kinds[0].tflop < further.kinds[0].tflop
    assert plain.memory_bytes > 2 * cost_of(tiny_model()).memory_bytes * 0.9


@pytest.mark.long
@pytest.mark.parametrize("preset", [v0_1, v0_2])
def test_a_large_preset_learns_in_one_real_step(preset: Callable[[], object]) -> None:
    """One block of the backbone in place of 28: the loss of all streams of the same units falls after a step."""
    config = v0_1() if preset is v0_1 else v0_2()
    small = dataclasses.replace(config.backbone, layer_count=1, vocabulary_size=2000)
    recipe = stage_2(dataclasses.replace(config, backbone=small, vocabulary="bytes"))
    [duplex] = [task for task in recipe.tasks if task.name == "duplex"]
    shaped = shaped_batch(recipe.model, dataclasses.replace(duplex, batch_size=1, units=2, noisy_units=1))
    generator = torch.Generator().manual_seed(0)
    fields = {
        name: torch.rand(value.shape, generator=generator)
        if value.is_floating_point()
        else torch.zeros_like(value, device="cpu")
        for name, value in vars(shaped).items()
        if isinstance(value, Tensor)
    }
    batch = Batch(**{**vars(shaped), **fields})
    model = untrained(recipe.model, 0).requires_grad_(True)
    learner = Learner(model, recipe)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    before = torch.stack(list(learner(batch).values())).sum()
    before.backward()
    optimizer.step()
    with torch.no_grad():
        after = torch.stack(list(learner(batch).values())).sum()
    assert float(after) < float(before.detach())


def test_the_command_line_says_what_a_run_costs(capsys: pytest.CaptureFixture[str]) -> None:
    """Without data; what is no stage is refused, and so is training without data."""
    assert main(["stage-3-nano", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "student" in told
    assert "hours of one H100 SXM at 40% of its peak" in told
    for arguments, words in (
        (["ear-nano", "--dry-run"], "expected a stage of the Transformer"),
        (["stage-2-nano", "--dry-run", "--utilisation", "0"], "expected above 0, to 1"),
        (["stage-2-nano"], "got no --data"),
    ):
        assert main(arguments) == 2
        assert words in capsys.readouterr().err


def test_large_stages_have_names() -> None:
    """Three for each of the four presets."""
    assert len(LARGE_RECIPES) == 12
    assert all(make().name == name for name, make in LARGE_RECIPES.items())
