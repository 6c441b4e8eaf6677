"""Training on a GPU: the command of the CPU, and close to its numbers."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.support.encoded import tiny_model, write_encoded
from tests.support.train_recipes import tiny_audio, tiny_video, write_film, write_tones
from wan_streamer.train.recipes import AnyRecipe
from wan_streamer.train.run import RunOptions, train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def data_of(kind: str, folder: Path) -> Path:
    if kind == "film":
        return write_film(folder / "film.mp4")
    return write_tones(folder / "tones") if kind == "tones" else write_encoded(folder / "encoded")


@pytest.mark.parametrize(
    ("make", "kind"),
    [(tiny_audio, "tones"), (tiny_video, "film"), (tiny_model, "encoded")],
    ids=["audio", "video", "model"],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_cuda_learns_what_the_cpu_learns(
    tmp_path: Path, make: Callable[[], AnyRecipe], kind: str, compiled: bool
) -> None:
    """The losses before the adversarial phase are those of the CPU: to a thousandth, in bfloat16 to a few percent."""
    recipe, data = make(), data_of(kind, tmp_path)
    losses = {}
    for device, bfloat16 in (("cpu", False), ("cuda", False), ("cuda", True)):
        out = tmp_path / f"{device}{bfloat16}"
        run = RunOptions(data=(data,), out=out, cache=tmp_path / "cache", device=device, bfloat16=bfloat16)
        run = dataclasses.replace(run, compile=compiled and device == "cuda", stop_after_step=2)
        train(recipe, run, Console(quiet=True))
        losses[device, bfloat16] = [json.loads(row)["loss"] for row in (out / "metrics.jsonl").open() if "loss" in row]
    assert losses["cuda", False] == pytest.approx(losses["cpu", False], rel=1e-3)
    assert losses["cuda", True] == pytest.approx(losses["cpu", False], rel=0.05)
