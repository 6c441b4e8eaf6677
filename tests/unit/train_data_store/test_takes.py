"""Data sets given to a codec's training: both sides of every conversation, and nothing that is held out."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.conversations import small_conversation
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.generate.cast import default_cast
from wan_streamer.train.data.generate.domain_files import DEFAULT_DOMAIN, read_domain
from wan_streamer.train.data.generate.mixing import Mixing
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.generate.split_list import split_list
from wan_streamer.train.data.script import Visitor
from wan_streamer.train.takes import take_units, takes_of

pytest.importorskip("pyarrow")

from wan_streamer.train.data.store.data_set import DataSet, shard_entry, write_manifest
from wan_streamer.train.data.store.row import to_row
from wan_streamer.train.data.store.shard import write_shard


def data_set(folder: Path, header: dict[str, Any], *, face: str = "face-000") -> Path:
    """Two small conversations whose visitor has the face."""
    rows = []
    for number in range(2):
        made = small_conversation(f"c{number}", seed=number)
        visitor = Visitor(id="ann", voice="flite-awb", face=face)
        rows.append(to_row(replace(made, script=replace(made.script, visitors=(visitor,)))))
    write_shard(folder / "shard-00000.parquet", rows)
    write_manifest(folder, header, [shard_entry(folder / "shard-00000.parquet")])
    return folder


@cache
def kept_out() -> dict[str, Any]:
    """What `data render` writes of the museum's domain."""
    return split_list(PhraseBook(read_domain(DEFAULT_DOMAIN)), default_cast(), Mixing())


def test_both_sides_of_every_conversation_are_takes(tmp_path: Path) -> None:
    """Two conversations give four takes in two folders' names, so that each side is learned from as often."""
    takes = takes_of(data_set(tmp_path, {"splits": {"faces": "train"}, "kept_out_of_training": kept_out()}))
    assert [(take.index, take.side) for take in takes] == [
        (0, "agent"),
        (0, "visitors"),
        (1, "agent"),
        (1, "visitors"),
    ]
    assert {Path(take.name).parts[0] for take in takes} == {"agent", "visitors"}


@pytest.mark.parametrize("axis", ["voices", "faces", "phrasings", "families"])
@pytest.mark.parametrize("split", ["held_out", "validation"])
def test_a_set_of_another_split_is_not_trained_on(tmp_path: Path, axis: str, split: str) -> None:
    """One axis of another split is enough for training to refuse the whole set."""
    folder = data_set(tmp_path, {"splits": {axis: split}})
    with pytest.raises(InvalidInput, match=f"{axis} of the split {split}"):
        takes_of(folder)


@pytest.mark.parametrize("split", ["held_out", "validation"])
@pytest.mark.parametrize("axis", ["voices", "faces"])
def test_a_kept_out_name_is_found(tmp_path: Path, axis: str, split: str) -> None:
    """Scripts written by hand may name any voice and face: one that is kept out is named, and nothing is trained."""
    kept = kept_out()
    name = kept[split][axis][0]
    folder = data_set(tmp_path, {axis: [name, "somebody"], "kept_out_of_training": kept})
    with pytest.raises(InvalidInput, match=name):
        takes_of(folder)


def test_a_take_is_drawn_as_often_as_it_has_units(tmp_path: Path) -> None:
    """The agent's picture comes unit by unit, and moves."""
    pytest.importorskip("moderngl")
    from wan_streamer.train.data.face.canvas import make_context
    from wan_streamer.train.data.face.heads import default_heads_folder

    try:
        make_context().release()
    except InvalidInput as missing:
        pytest.skip(str(missing))
    if not list(default_heads_folder().glob("heads-*.npz")):
        pytest.skip("needs exported heads: wan-streamer data faces")
    folder = data_set(tmp_path, {})
    units = list(take_units(takes_of(folder)[0], height=32, width=56))
    assert len(units) == DataSet(folder).unit_counts[0]
    assert {unit.shape for unit in units} == {(1, 4, 32, 56, 3)}
    assert any(not np.array_equal(units[0], unit) for unit in units[1:])
