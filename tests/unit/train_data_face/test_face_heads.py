"""Exported heads and the people mixed from them."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.train_data_face.made_up_heads import made_up_heads, somebody
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.face.base_mesh import read_groups
from wan_streamer.train.data.face.heads import EXPORT_COMMAND, load_heads
from wan_streamer.train.data.face.person import make_person
from wan_streamer.train.data.face.shape_words import LOCAL_DIRECTIONS, PHENOTYPE_DIRECTIONS, anchor_phenotypes
from wan_streamer.train.data.face.visitor_identity import SHAPES


def test_missing_heads_name_the_command_that_makes_them(tmp_path: Path) -> None:
    """Who has not exported the heads is told how."""
    with pytest.raises(InvalidInput, match=EXPORT_COMMAND) as raised:
        load_heads(tmp_path)
    assert raised.value.reason == "NO_HEADS"


def test_a_person_is_the_weighted_sum() -> None:
    """Anchors, directions and the pivot add up."""
    heads = made_up_heads()
    person = make_person(heads, somebody({"one": 0.25, "two": 0.75}, {"wide-nose": -0.5}))
    wanted = heads.mean_V3 + 0.25 * heads.anchors["one"] + 0.75 * heads.anchors["two"]
    np.testing.assert_allclose(person.rest_V3, wanted - 0.5 * heads.directions["wide-nose"], atol=1e-4)
    np.testing.assert_allclose(person.pivot, [0, 2.5, 3.5])


def test_an_unknown_shape_is_refused() -> None:
    """Heads of an older export, which lack a direction, are not taken silently."""
    with pytest.raises(InvalidInput, match="long-nose"):
        make_person(made_up_heads(), somebody({"one": 1.0}, {"long-nose": 1.0}))


def test_masks_are_read_where_the_texture_says() -> None:
    """A vertex gets the mask's value under its texture coordinate, the picture's top row first."""
    heads = made_up_heads()
    person = make_person(heads, somebody({"one": 1.0}))
    u, v = heads.groups["body"].uv_T32[1, 2]
    wanted = heads.masks[int((1 - v) * 8), int(u * 8), 0] / 255
    assert person.mask_at_vertices("lips")[4] == pytest.approx(wanted)


def test_quads_become_triangles_of_their_group(tmp_path: Path) -> None:
    """Groups that are drawn are kept, others not; both kinds of lashes are one group."""
    obj = tmp_path / "base.obj"
    obj.write_text(
        "v 0 0 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\ng body\nf 1/1 2/2 3/3 4/4\ng joint-x\nf 1/1 2/2 3/3\n"
        "g helper-l-eyelashes-1\nf 1/1 2/2 3/3\ng helper-r-eyelashes-2\nf 2/1 3/2 4/3\n"
    )
    groups = read_groups(obj)
    assert groups.keys() == {"body", "lashes"}
    assert groups["body"].faces_T3.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert groups["body"].uv_T32[1].tolist() == [[0, 0], [1, 1], [0, 1]]
    assert len(groups["lashes"].faces_T3) == 2


def test_every_shape_of_the_visitors_is_exported() -> None:
    """What identities draw exists in the export, and anchors are complete people."""
    assert set(SHAPES) <= LOCAL_DIRECTIONS.keys()
    assert {"heavy", "thin", "muscular"} <= PHENOTYPE_DIRECTIONS.keys()
    for phenotype in anchor_phenotypes().values():
        assert phenotype["african"] + phenotype["asian"] + phenotype["caucasian"] == 1
