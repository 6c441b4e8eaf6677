"""Stage 3's runs: who learns when, from what, and that a run goes on; the formulas are in test_train_matching.py."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor

from tests.support.encoded import tiny_student, write_encoded, write_teacher
from wan_streamer.errors import InvalidInput
from wan_streamer.model.model_weights import load_trained, trained_tensors
from wan_streamer.model.presets import untrained
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.distill.distill_recipe import DistillRecipe
from wan_streamer.train.distill.distiller import Distiller
from wan_streamer.train.distributed import Group
from wan_streamer.train.encoded_set import EncodedSet
from wan_streamer.train.run import RunOptions, train
from wan_streamer.train.schedule import OptimizerConfig
from wan_streamer.train.trainer import Arithmetic

STILL = OptimizerConfig(learning_rate=0.0, weight_decay=0.0)
LIVELY = OptimizerConfig(learning_rate=1e-2, weight_decay=0.0, warmup_steps=1)


def distiller(tmp_path: Path, recipe: DistillRecipe) -> Distiller:
    """On one process, from a teacher of random numbers."""
    data = write_encoded(tmp_path / "data")
    teacher = write_teacher(tmp_path / "teacher.safetensors")
    return Distiller(recipe, [EncodedSet(data)], teacher, Arithmetic(device=torch.device("cpu")), Group(0, 1, 0))


def changed(model: WanStreamer, before: dict[str, Tensor]) -> set[str]:
    return {name for name, tensor in trained_tensors(model).items() if not torch.equal(tensor, before[name])}


def copied(model: WanStreamer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trained_tensors(model).items()}


def test_the_critic_learns_first_and_then_the_student(tmp_path: Path) -> None:
    """critic_steps steps of one, one of the other; the teacher stays as it is."""
    run = distiller(tmp_path, dataclasses.replace(tiny_student(), optimizer=LIVELY, critic_optimizer=LIVELY))
    models = {"student": run.student, "critic": run.critic, "teacher": run.teacher}
    for who in ("critic", "critic", "student", "critic", "critic", "student"):
        before = {name: copied(model) for name, model in models.items()}
        measures = run.step()
        assert f"norm_{who}" in measures
        assert {name for name, model in models.items() if changed(model, before[name])} == {who}


def test_where_critic_and_teacher_agree_nothing_is_learned(tmp_path: Path) -> None:
    """Without guidance a critic that is the teacher's copy finds nothing wrong; one that has learned does."""
    for rates, least, most in ((STILL, 0.0, 1e-12), (LIVELY, 1e-6, 1e3)):
        recipe = dataclasses.replace(tiny_student(), guidance=1.0, critic_optimizer=rates, critic_steps=1)
        run = distiller(tmp_path / str(most), recipe)
        run.step()
        measures = run.step()
        for name in ("audio", "video"):
            assert least <= float(measures[name]) <= most


def test_latents_teach_what_makes_latents(tmp_path: Path) -> None:
    """Without words to keep the student's text head stays, and its velocities do not."""
    run = distiller(tmp_path, dataclasses.replace(tiny_student(), keeps=(), optimizer=LIVELY, critic_optimizer=LIVELY))
    before = copied(run.student)
    for _ in range(3):
        run.step()
    moved = changed(run.student, before)
    assert {"audio_head.weight", "video_head.weight", "transformer.blocks.0.attention.qkv.weight"} <= moved
    assert not {"text_head.weight", "text_embedding.weight"} & moved


def options(tmp_path: Path, teacher: Path | None) -> RunOptions:
    return RunOptions(
        data=(tmp_path / "data",),
        out=tmp_path / "run",
        cache=tmp_path / "cache",
        initial_weights=teacher,
        device="cpu",
    )


def test_a_run_goes_on_with_its_teacher(tmp_path: Path) -> None:
    """It is stopped, goes on to its last step, and writes weights that serve; another teacher or none is refused."""
    write_encoded(tmp_path / "data")
    teacher = write_teacher(tmp_path / "teacher.safetensors")
    quiet, given = Console(quiet=True), options(tmp_path, teacher)
    assert not train(tiny_student(), dataclasses.replace(given, stop_after_step=3), quiet)
    other = options(tmp_path, write_teacher(tmp_path / "other.safetensors", scale=2.0))
    for wrong, match in ((other, "expected the same teacher"), (options(tmp_path, None), "expected those of stage 2")):
        with pytest.raises(InvalidInput, match=match):
            train(tiny_student(), wrong, quiet)
    assert train(tiny_student(), given, quiet)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "norm_critic" in line] == [1, 2, 3, 4, 5, 6]
    validated = [line for line in lines if "validation_made_audio" in line]
    assert [line["step"] for line in validated] == [3, 6]
    assert all(line["validation_recorded_video_deviation"] > 0 for line in validated)
    load_trained(tmp_path / "run" / "weights.safetensors", untrained(tiny_student().model, 0))


@pytest.mark.long
def test_two_processes_equal_one(tmp_path: Path) -> None:
    """With half of the sessions each they measure what one process with all of them does."""
    data, teacher = write_encoded(tmp_path / "data"), write_teacher(tmp_path / "teacher.safetensors")
    found = []
    for processes in (1, 2):
        out = tmp_path / str(processes)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command += ["-m", "wan_streamer.train", "tests.support.encoded:tiny_student", "--data", str(data)]
        command += ["--out", str(out), "--initial-weights", str(teacher), "--device", "cpu"]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True)
        lines = (json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines())
        found.append([line for line in lines if "norm_critic" in line])
    assert len(found[0]) == len(found[1]) == 6
    for one, two in zip(*found, strict=True):
        for name in ("critic_audio", "critic_video", "norm_critic"):
            assert one[name] == pytest.approx(two[name], rel=1e-2, abs=5e-4), name
    assert found[0][-1]["audio"] == pytest.approx(found[1][-1]["audio"], rel=1e-2)


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"critic_steps": 0}, "below 1"), ({"window_units": 1}, "window shorter"), ({"session_units": 4}, "longer than")],
)
def test_recipes_that_cannot_be_are_refused(changes: dict[str, object], match: str) -> None:
    """A configuration that means nothing fails when it is made."""
    with pytest.raises(ValueError, match=match):
        dataclasses.replace(tiny_student(), **changes)  # type: ignore[arg-type]
    [task] = tiny_student().keeps
    with pytest.raises(ValueError, match="agent's words alone"):
        dataclasses.replace(tiny_student(), keeps=(dataclasses.replace(task, text="said"),))
