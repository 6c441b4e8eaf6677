"""What saves memory or time changes nothing that is learned; and how much work a step is."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.support.encoded import tiny_model, write_encoded
from wan_streamer.errors import InvalidInput
from wan_streamer.model.presets import untrained
from wan_streamer.train.checkpoint import load_newest
from wan_streamer.train.encoded_set import EncodedSet
from wan_streamer.train.model_losses import Learner, training_tflop
from wan_streamer.train.model_recipe import TaskConfig
from wan_streamer.train.peak import peak_of, peak_tflop_per_s
from wan_streamer.train.progress import RunProgress
from wan_streamer.train.recipes import recipe_named
from wan_streamer.train.run import RunOptions, train
from wan_streamer.train.run_folder import RunFolder
from wan_streamer.train.windows import Windows


@pytest.mark.parametrize("saving", [{"micro_batch": 1}, {"micro_batch": 3}, {"checkpointing": True}])
def test_a_run_that_saves_memory_learns_the_same(tmp_path: Path, saving: dict[str, object]) -> None:
    """Four windows at once, one by one, three and one, and with activations computed twice: the same weights."""
    recipe = tiny_model()
    tasks = tuple(dataclasses.replace(task, batch_size=4) for task in recipe.tasks)
    recipe = dataclasses.replace(recipe, tasks=tasks, steps=4)
    data = write_encoded(tmp_path / "data")
    whole = RunOptions(data=(data,), out=tmp_path / "whole", cache=tmp_path, device="cpu")
    saved = dataclasses.replace(whole, out=tmp_path / "saved", **saving)  # type: ignore[arg-type]
    found = []
    for run in (whole, saved):
        assert train(recipe, run, Console(quiet=True))
        newest = load_newest(run.out / "checkpoints")
        assert newest is not None
        found.append(newest[1]["model"])
    for name, weights in found[0].items():
        torch.testing.assert_close(found[1][name], weights, rtol=0, atol=2e-5, msg=name)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile wants a C++ compiler on processors")
def test_compiled_blocks_learn_the_same(tmp_path: Path) -> None:
    """With --compile the first two steps have the losses that they have without."""
    data = write_encoded(tmp_path / "data")
    losses = []
    for compiled in (False, True):
        out = tmp_path / str(compiled)
        run = RunOptions(data=(data,), out=out, cache=tmp_path, device="cpu", compile=compiled, stop_after_step=2)
        train(tiny_model(), run, Console(quiet=True))
        losses.append([json.loads(row)["loss"] for row in (out / "metrics.jsonl").open() if "loss" in row])
    assert len(losses[0]) == 2
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_codecs_have_no_micro_batches(tmp_path: Path) -> None:
    """An option that would do nothing is refused before anything is read."""
    run = RunOptions(data=(tmp_path,), out=tmp_path / "out", cache=tmp_path, device="cpu", micro_batch=2)
    (tmp_path / "one.wav").write_bytes(b"")
    with pytest.raises(InvalidInput, match="for the Transformer"):
        train(recipe_named("audio-codec-nano"), run, Console(quiet=True))


@pytest.mark.parametrize("task", tiny_model().tasks[1:])
def test_operations_are_those_that_torch_counts(tmp_path: Path, task: TaskConfig) -> None:
    """The formula is within 2 % of torch's count of the backbone's forward and backward pass."""
    recipe = tiny_model()
    model = untrained(recipe.model, 0).requires_grad_(True)
    batch = Windows(EncodedSet(write_encoded(tmp_path / "set")).conversations, task).batch(recipe, 0, range(2))
    learner = Learner(model, recipe)
    # Its counter does not know the fused attention of processors.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        torch.stack(list(learner(batch).values())).sum().backward()
    blocks = sum(counter.get_flop_counts()["Learner.forward_pass.model.transformer"].values())
    assert training_tflop(model, batch) == pytest.approx(blocks / 1e12, rel=0.02)


def test_the_used_share_of_a_device(tmp_path: Path) -> None:
    """20 operations of two steps in half a second on a device of 100 a second: 40 a second, a share of 0.4."""
    clock = iter([0.0, 0.5, 100.0])
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wan_streamer.train.progress.time.monotonic", lambda: next(clock))
        progress = RunProgress(folder, Console(quiet=True), 0, 10, shown=True, peak_tflop_per_s=100.0)
        progress.log(2, {"loss": 1.0, "tflop": 20.0, "tokens": 10.0})
    row = (folder.path / "metrics.jsonl").read_text()
    for part in ('"mfu": 0.4', '"tflop_per_s": 40.0', '"tokens_per_s": 20.0', '"seconds_per_step": 0.25'):
        assert part in row


def test_peaks_are_found_by_name() -> None:
    """The names that drivers give; an unknown device has no peak, nor has a processor or float32."""
    assert peak_of("NVIDIA H100 80GB HBM3") == 989
    assert peak_of("NVIDIA H100 PCIe") == 756
    assert peak_of("NVIDIA L40S") == 362
    assert peak_of("Voodoo 2") is None
    assert peak_tflop_per_s(torch.device("cpu"), bfloat16=True) is None
    assert peak_tflop_per_s(torch.device("cuda"), bfloat16=False) is None
