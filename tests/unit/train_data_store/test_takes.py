"""Data sets given to a codec's training: both sides of every conversation, and nothing that is held out."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.conversations import small_conversation
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.generate.cast import default_cast
from wan_streamer.train.data.generate.domain_files import DEFAULT_DOMAIN, read_domain
from wan_streamer.train.data.generate.mixing import Mixing
from wan_streamer.train.data.generate.phrase_book import PhraseBook
from wan_streamer.train.data.generate.split_list import split_list
from wan_streamer.train.data.script import Visitor
from wan_streamer.train.takes import TAKE_UNITS, take_units, takes_of
from wan_streamer.unit import FRAMES_PER_UNIT

pytest.importorskip("pyarrow")

from wan_streamer.train.data.store.data_set import DataSet, shard_entry, write_manifest
from wan_streamer.train.data.store.row import to_row
from wan_streamer.train.data.store.shard import write_shard


def data_set(folder: Path, header: dict[str, Any], *, face: str = "face-000", words: int = 4) -> Path:
    """Two small conversations whose visitor has the face."""
    rows = []
    for number in range(2):
        made = small_conversation(f"c{number}", seed=number, words=words)
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


@pytest.mark.parametrize("words", [4, 40])
def test_a_take_is_some_seconds_of_a_conversation(tmp_path: Path, words: int, heads_folder: Path) -> None:
    """A short conversation is drawn whole, of a long one TAKE_UNITS units that follow each other; always the same."""
    folder = data_set(tmp_path, {}, words=words)
    count = DataSet(folder).unit_counts[0]
    take = takes_of(folder)[0]
    units = np.concatenate(list(take_units(take, height=32, width=56)))
    assert units.shape == (min(count, TAKE_UNITS), 4, 32, 56, 3)
    assert (count > TAKE_UNITS) == (words == 40)
    whole = drawn_whole(folder, range(count * FRAMES_PER_UNIT)).reshape(-1, *units.shape[1:])
    first = [
        start for start in range(count - len(units) + 1) if np.array_equal(whole[start : start + len(units)], units)
    ]
    assert len(first) == 1


def drawn_whole(folder: Path, frames: range) -> NDArray[np.uint8]:
    from wan_streamer.train.data.face.heads import default_heads_folder
    from wan_streamer.train.data.pictures import Pictures

    with Pictures(default_heads_folder(), height=32, width=56) as pictures:
        return np.stack(list(pictures.agent(DataSet(folder).conversation(0), frames)))
