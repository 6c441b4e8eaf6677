"""Conversations with what a model itself makes of sound and pictures, and which tasks learn from them."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.support.encoded import tiny_model, write_encoded, write_teacher
from wan_streamer.errors import InvalidInput
from wan_streamer.train.encoded_set import ROLLED, EncodedSet, read_index, write_index
from wan_streamer.train.model_trainer import ModelTask
from wan_streamer.train.roll_command import RollOptions, roll

QUIET = Console(quiet=True)


def rolled(tmp_path: Path, *, name: str = "rolled", seed: int = 0) -> Path:
    options = RollOptions(
        data=tmp_path / "data",
        weights=tmp_path / "weights.safetensors",
        out=tmp_path / name,
        units=18,
        seed=seed,
        processes=1,
    )
    roll(options, QUIET)
    return options.out


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_teacher(tmp_path / "weights.safetensors")
    return write_encoded(tmp_path / "data", count=2)


def test_sound_and_pictures_are_the_models(tmp_path: Path, data: Path) -> None:
    """All else is as it was recorded; the same seed makes the same, another something else."""
    one, again, other = (
        EncodedSet(rolled(tmp_path, name=name, seed=seed)) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert ROLLED in one.about
    for recorded, made, same, differing in zip(
        EncodedSet(data).conversations, one.conversations, again.conversations, other.conversations, strict=True
    ):
        assert len(made) == 18
        for name in ("heard", "seen", "words", "said", "noticed", "speaks"):
            assert np.array_equal(made[name], recorded[name][:18]), name
        for name in ("audio", "video"):
            assert np.isfinite(made[name]).all()
            assert np.array_equal(made[name], same[name])
            assert not np.array_equal(made[name], recorded[name][:18])
            assert not np.array_equal(made[name], differing[name])


def test_what_to_say_is_learned_beside_them_and_how_it_sounds_is_not(tmp_path: Path, data: Path) -> None:
    """Tasks with noisy units have the recordings alone; those without have, of pictures, only what was made."""
    recipe = tiny_model()
    # "read", "speak", "converse"; the last without noise is one that says what to say.
    import dataclasses

    follow = dataclasses.replace(recipe.tasks[2], name="follow", noisy_units=0)
    recipe = dataclasses.replace(recipe, tasks=(*recipe.tasks, follow), heldout_every=100)
    sets = [EncodedSet(data), EncodedSet(rolled(tmp_path))]
    task = ModelTask(recipe, sets)
    random = np.random.default_rng(0)
    recorded, made = ({one["audio"].tobytes() for one in each.conversations[1]} for each in sets)
    for windows, expected in zip(task.training[1:], (recorded, recorded, made), strict=True):
        drawn = {unit["audio"].tobytes() for _ in range(20) for unit in windows.draw(random)}
        assert drawn <= expected, windows.task.name


def test_what_cannot_be_rolled_is_refused(tmp_path: Path, data: Path) -> None:
    """Sets without pictures, and those of other codecs."""
    write_index(data, read_index(data) | {"model": "0" * 64})
    with pytest.raises(InvalidInput, match="made with other codecs"):
        rolled(tmp_path)
    write_index(data, read_index(data) | {"pictures": False})
    with pytest.raises(InvalidInput, match="without pictures"):
        rolled(tmp_path, name="other")
