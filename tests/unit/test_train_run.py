"""A run: it goes on bit for bit where it stopped, two processes equal one, and it says what does not fit."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from tests.support.encoded import small_model, tiny_model, write_encoded
from tests.support.train_recipes import tiny_audio, tiny_video, write_film, write_tones
from wan_streamer.errors import InvalidInput
from wan_streamer.model.codec_weights import load_codec
from wan_streamer.model.model_weights import codec_tensors, pack_model
from wan_streamer.model.presets import untrained
from wan_streamer.model.senses import senses_fingerprint, senses_metadata
from wan_streamer.train.checkpoint import load_newest
from wan_streamer.train.distributed import Group
from wan_streamer.train.encoded_set import read_index, write_index
from wan_streamer.train.recipes import RECIPES, AnyRecipe, recipe_named
from wan_streamer.train.run import RunOptions, train
from wan_streamer.train.schedule import OptimizerConfig

ROOT = Path(__file__).parents[2]
MODEL_RECIPE = "tests.support.encoded:tiny_model"
AUDIO_RECIPE = "tests.support.train_recipes:tiny_audio"


def options(tmp_path: Path, data: Path, out: str, **changes: object) -> RunOptions:
    given = RunOptions(data=(data,), out=tmp_path / out, cache=tmp_path / "cache", device="cpu")
    return dataclasses.replace(given, **changes)  # type: ignore[arg-type]


def quiet() -> Console:
    return Console(quiet=True)


def final_state(run: RunOptions) -> dict[str, object]:
    found = load_newest(run.out / "checkpoints")
    assert found is not None
    return found[1]


def assert_same(one: object, other: object, *, tolerance: float = 0.0) -> None:
    """Equal trees of tensors and numbers, bit for bit without a tolerance."""
    if isinstance(one, torch.Tensor):
        assert isinstance(other, torch.Tensor)
        assert torch.equal(one, other) if tolerance == 0 else torch.allclose(one, other, rtol=0, atol=tolerance)
    elif isinstance(one, dict):
        assert isinstance(other, dict)
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert_same(value, other[key], tolerance=tolerance)
    elif isinstance(one, list | tuple):
        assert isinstance(other, list | tuple)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b, tolerance=tolerance)
    else:
        assert one == other


def data_for(recipe: AnyRecipe, folder: Path) -> Path:
    if recipe.name == "tiny-model":
        return write_encoded(folder)
    if recipe.name == "tiny-audio":
        return write_tones(folder)
    folder.mkdir()
    write_film(folder / "film.mp4")
    return folder


def start(arguments: list[str], *, processes: int = 1) -> "subprocess.Popen[str]":
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *launcher, "-m", "wan_streamer.train", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: "subprocess.Popen[str]", code: int = 0) -> str:
    printed, _ = process.communicate(timeout=100)
    assert process.returncode == code, printed
    return printed


@pytest.mark.parametrize("make", [tiny_audio, tiny_video, tiny_model])
@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_run_goes_on_bit_for_bit(tmp_path: Path, make: Callable[[], AnyRecipe], stop_after: int) -> None:
    """Stopped before and inside the adversarial phase and continued, everything equals the run that never stopped."""
    recipe = make()
    data = data_for(recipe, tmp_path / "data")
    whole, parts = options(tmp_path, data, "whole"), options(tmp_path, data, "parts")
    assert train(recipe, whole, quiet())
    assert not train(recipe, dataclasses.replace(parts, stop_after_step=stop_after), quiet())
    assert train(recipe, parts, quiet())
    assert_same(final_state(whole), final_state(parts))
    assert tensors_of(whole).keys() == tensors_of(parts).keys()
    assert_same(tensors_of(whole), tensors_of(parts))
    steps = [json.loads(line)["step"] for line in (parts.out / "metrics.jsonl").read_text().splitlines()]
    assert sorted(set(steps)) == list(range(1, recipe.steps + 1))


def test_steps_after_a_lost_checkpoint_are_done_again(tmp_path: Path) -> None:
    """When the newest checkpoint is damaged, the run goes on from the one before, and metrics have no step twice."""
    recipe = tiny_audio()
    run = options(tmp_path, write_tones(tmp_path / "data"), "run", checkpoint_every_s=0.0)
    assert train(recipe, run, quiet())
    expected = final_state(run)
    newest = max((run.out / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-100])
    assert train(recipe, run, quiet())
    assert_same(expected, final_state(run))
    rows = [json.loads(line) for line in (run.out / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4, 5, 6]


def test_bfloat16_learns_the_same(tmp_path: Path) -> None:
    """In bfloat16 the losses of the first steps are within a few percent of float32's, and weights stay float32."""
    recipe = tiny_audio()
    data = write_tones(tmp_path / "data")
    runs = [options(tmp_path, data, str(flag), bfloat16=flag, stop_after_step=4) for flag in (False, True)]
    for run in runs:
        train(recipe, run, quiet())
    losses = [[json.loads(row)["loss"] for row in (run.out / "metrics.jsonl").open() if "loss" in row] for run in runs]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    assert losses[0] != losses[1]
    codec = final_state(runs[1])["codec"]
    assert isinstance(codec, dict)
    assert all(tensor.dtype == torch.float32 for tensor in codec.values())


@pytest.mark.parametrize(
    ("recipe", "more"),
    [pytest.param(AUDIO_RECIPE, [], marks=pytest.mark.long), (MODEL_RECIPE, []), (MODEL_RECIPE, ["--shard"])],
)
def test_two_processes_equal_one(tmp_path: Path, recipe: str, more: list[str]) -> None:
    """Two gloo processes with half of each batch, and of each block, end where one process with all of it does."""
    data = data_for(recipe_named(recipe), tmp_path / "data")
    outs = tmp_path / "one", tmp_path / "two"
    for processes, out in enumerate(outs, start=1):
        arguments = [recipe, "--data", str(data), "--out", str(out), "--device", "cpu"]
        several = more if processes > 1 else []
        finish(start([*arguments, "--cache", str(tmp_path / "cache"), *several], processes=processes))
    one, two = ([json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()] for out in outs)
    assert len(one) == len(two) > 6
    for a, b in zip(one, two, strict=True):
        for name in a.keys() - {"unix_s", "seconds_per_step", "tokens_per_s", "tflop_per_s"}:
            assert a[name] == pytest.approx(b[name], rel=1e-2, abs=5e-4), (a["step"], name)


def test_a_run_in_parts_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """Stopped, begun again after its newest checkpoint was damaged: the weights of a run that never stopped."""
    data = write_encoded(tmp_path / "data")
    first = options(tmp_path, data, "first", stop_after_step=2)
    train(tiny_model(), first, quiet())
    initial = first.out / "weights.safetensors"

    def run(name: str, *more: str, code: int = 0) -> RunOptions:
        arguments = [MODEL_RECIPE, "--data", str(data), "--out", str(tmp_path / name), "--device", "cpu", "--shard"]
        finish(start([*arguments, "--initial-weights", str(initial), *more], processes=2), code)
        return options(tmp_path, data, name)

    whole = run("whole")
    for step in (2, 4):
        run("stopped", "--stop-after-step", str(step))
    newest = tmp_path / "stopped" / "checkpoints" / "step-000000004.dcp"
    assert sorted(path.name for path in newest.parent.iterdir()) == ["step-000000002.dcp", "step-000000004.dcp"]
    # Each process has written its part.
    parts = [path for path in newest.iterdir() if path.suffix == ".distcp"]
    assert len(parts) == 2
    for part in parts:
        part.write_bytes(part.read_bytes()[:100])
    (newest.parent / ".step-000000004.part").mkdir()
    run("stopped", "--stop-after-step", "4")
    assert sorted(path.name for path in newest.parent.iterdir()) == ["step-000000002.dcp", "step-000000004.dcp"]
    with pytest.raises(InvalidInput, match="was begun with --shard"):
        train(tiny_model(), options(tmp_path, data, "stopped"), quiet())
    stopped = run("stopped")
    assert tensors_of(stopped).keys() == tensors_of(whole).keys()
    assert all(torch.equal(tensor, tensors_of(whole)[name]) for name, tensor in tensors_of(stopped).items())
    assert not all(torch.equal(tensor, tensors_of(first)[name]) for name, tensor in tensors_of(stopped).items())
    with pytest.raises(InvalidInput, match="got --shard for one process"):
        train(tiny_model(), options(tmp_path, data, "alone", shard=True), quiet())


def test_latents_of_another_codec_are_refused(tmp_path: Path) -> None:
    """A set that was encoded with other weights is named, and nothing is trained."""
    recipe = tiny_model()
    data = write_encoded(tmp_path / "data")
    about = read_index(data)
    write_index(data, about | {"model": "0" * 64})
    with pytest.raises(InvalidInput, match="data, made with other codecs"):
        train(recipe, options(tmp_path, data, "run"), quiet())
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_batch_is_shared_without_rest() -> None:
    """The shares of the processes are the batch, and one that cannot be shared equally is refused with both numbers."""
    shares = [Group(rank, 3, rank).share(6) for rank in range(3)]
    assert [item for share in shares for item in share] == list(range(6))
    with pytest.raises(InvalidInput, match="got a batch of 4 items for 3 processes, expected a multiple"):
        Group(0, 3, 0).share(4)


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.long)])
def test_ctrl_c_saves_and_the_same_command_goes_on(tmp_path: Path, processes: int) -> None:
    """SIGINT ends a run, and all its processes, after the step at hand with checkpoint and weights; then it goes on."""
    data, out = write_tones(tmp_path / "data"), tmp_path / "run"
    arguments = [AUDIO_RECIPE, "--data", str(data), "--out", str(out), "--cache", str(tmp_path / "cache")]
    process = start([*arguments, "--steps", "100000", "--device", "cpu"], processes=processes)
    metrics = out / "metrics.jsonl"
    while process.poll() is None and not (metrics.is_file() and metrics.stat().st_size > 2000):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed = finish(process, code=130 if processes == 1 else 1)
    assert "the same command goes on from there" in printed
    found = load_newest(out / "checkpoints")
    assert found is not None
    done = found[0]
    assert load_codec(out / "weights.safetensors", "audio").metadata["steps"] == str(done)
    printed = finish(start([*arguments, "--steps", str(done + 1), "--device", "cpu"]))
    assert f"going on from step {done}" in printed


@pytest.mark.long
def test_a_full_disk_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    """When nothing can be written any more the run ends with one line, and what was saved is still whole."""
    data, out = write_tones(tmp_path / "data"), tmp_path / "run"
    arguments = [AUDIO_RECIPE, "--data", str(data), "--out", str(out), "--cache", str(tmp_path / "cache")]
    finish(start([*arguments, "--stop-after-step", "2", "--device", "cpu"]))
    before = {path.name: path.read_bytes() for path in (out / "checkpoints").iterdir()}
    # Files of at most 20 KB: the run's notes fit, a checkpoint does not.
    limited = ["bash", "-c", 'ulimit -f 20; exec "$@"', "bash", sys.executable, "-m", "wan_streamer.train", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [*limited, "--device", "cpu"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100
    )
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("wan-streamer: ")
    assert "File too large" in result.stderr
    assert {path.name: path.read_bytes() for path in (out / "checkpoints").iterdir()} == before
    finish(start([*arguments, "--device", "cpu"]))


def test_the_run_folder_says_how_to_repeat_it(tmp_path: Path) -> None:
    """run.json has recipe, command, seed, data hash, hardware and date; the weights say the same and hold the latents'
    statistics."""
    recipe = tiny_audio()
    run = options(tmp_path, write_tones(tmp_path / "data"), "run")
    assert train(recipe, run, quiet())
    content = json.loads((run.out / "run.json").read_text())
    assert content["recipe"]["codec"]["sample_rate_hz"] == 8000
    assert content["data_sha256"] == json.loads((run.out / "data.json").read_text())["sha256"]
    trained = load_codec(run.out / "weights.safetensors", "audio")
    for name in ("command", "seed", "data_sha256", "hardware", "date"):
        assert trained.metadata[name] == content[name]
    assert trained.metadata["steps"] == "6"
    assert trained.config == recipe.codec
    assert trained.latent_mean.shape == trained.latent_deviation.shape == (recipe.codec.latent_channels,)
    assert bool((trained.latent_deviation > 0).all())


def test_a_run_does_not_go_on_with_something_else(tmp_path: Path) -> None:
    """Another seed or other data in the same folder is refused, more steps are not."""
    recipe = tiny_audio()
    data = write_tones(tmp_path / "data")
    run = options(tmp_path, data, "run", stop_after_step=1)
    train(recipe, run, quiet())
    with pytest.raises(InvalidInput, match="got a run that differs in seed from the one in"):
        train(dataclasses.replace(recipe, seed=1), run, quiet())
    train(dataclasses.replace(recipe, steps=7), run, quiet())
    (data / "tone0.wav").unlink()
    with pytest.raises(InvalidInput, match="differs in data"):
        train(recipe, run, quiet())


def test_a_run_takes_the_reader_of_another(tmp_path: Path) -> None:
    """One that learns nothing ends with the reader of one that did, and with the rest of its own."""
    data = write_encoded(tmp_path / "data")
    first, alone, run = (options(tmp_path, data, name, stop_after_step=2) for name in ("first", "alone", "second"))
    learning = dataclasses.replace(tiny_model(), ema_decay=0.0)
    still = dataclasses.replace(learning, optimizer=OptimizerConfig(learning_rate=0.0))
    train(learning, first, quiet())
    train(still, alone, quiet())
    train(still, dataclasses.replace(run, initial_reader=first.out / "weights.safetensors"), quiet())
    ears, own, taken = tensors_of(first), tensors_of(alone), tensors_of(run)
    differing = {name for name in own if not torch.equal(own[name], taken[name])}
    assert differing
    assert all(name.startswith("user_audio.reader.") for name in differing)
    assert all(torch.equal(taken[name], ears[name]) for name in ears if name.startswith("user_audio.reader."))
    tones = options(tmp_path, write_tones(tmp_path / "tones"), "tones-run", initial_reader=first.out)
    with pytest.raises(InvalidInput, match="expected a Transformer's stage"):
        train(tiny_audio(), tones, quiet())


def test_recipes_by_name() -> None:
    """Shipped recipes can be built, others are found by module and function, unknown ones are refused in words."""
    for name in RECIPES:
        assert recipe_named(name).name == name
    assert recipe_named(AUDIO_RECIPE, steps=9, seed=3) == dataclasses.replace(tiny_audio(), steps=9, seed=3)
    for name in ("huge", "no.such:recipe", "tests.support.train_recipes:tone", "tests.support.train_recipes:OPTIMIZER"):
        with pytest.raises(InvalidInput, match="got "):
            recipe_named(name)
    with pytest.raises(InvalidInput, match="expected at least 1"):
        recipe_named(AUDIO_RECIPE, steps=0)


def tensors_of(run: RunOptions) -> dict[str, torch.Tensor]:
    return load_file(run.out / "weights.safetensors")


def test_an_avatars_codecs_go_from_weights_to_weights(tmp_path: Path) -> None:
    """Weights that have codecs of their own learn from data encoded with these, and what comes out has them."""
    own = untrained(small_model(), 0)
    with torch.no_grad():
        next(iter(own.audio_codec.parameters())).add_(1)
    start = tmp_path / "start.safetensors"
    start.write_bytes(pack_model(own, senses_metadata(own, pictures=True), torch.float32, with_codecs=True))
    data = write_encoded(tmp_path / "data")
    write_index(data, read_index(data) | {"model": senses_fingerprint(own, pictures=True)})
    with pytest.raises(InvalidInput, match="data, made with other codecs"):
        train(tiny_model(), options(tmp_path, data, "without"), quiet())
    run = options(tmp_path, data, "run", initial_weights=start, stop_after_step=2)
    train(tiny_model(), run, quiet())
    trained = tensors_of(run)
    assert all(
        name in trained and torch.allclose(trained[name].float(), tensor, atol=1e-2, rtol=1e-2)
        for name, tensor in codec_tensors(own).items()
    )
    again = dataclasses.replace(run, stop_after_step=4)
    train(tiny_model(), again, quiet())
    assert tensors_of(again).keys() == trained.keys()
