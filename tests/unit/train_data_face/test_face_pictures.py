"""What is in the pictures; skipped where heads or OpenGL are missing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.unit.train_data_face.made_up_heads import curves_of
from wan_streamer.errors import InvalidInput

pytest.importorskip("moderngl", reason="pictures are drawn with moderngl")

from wan_streamer.train.data.agent import Looks, default_agent
from wan_streamer.train.data.face import canvas
from wan_streamer.train.data.face.agent_renderer import AgentRenderer
from wan_streamer.train.data.face.visitor_renderer import VisitorRenderer

# Rows and columns of the agent's picture, 128 x 224, at rest.
MOUTH = (slice(64, 88), slice(98, 126))
EYES = (slice(46, 56), slice(96, 128))
CORNERS = (slice(0, 100), np.r_[0:40, 190:224])

REST: dict[str, float] = {}


def museum_looks() -> Looks:
    looks = default_agent().looks
    assert isinstance(looks, Looks)
    return looks


@pytest.fixture(scope="module")
def agent(heads_folder: Path) -> Iterator[AgentRenderer]:
    renderer = AgentRenderer(heads_folder, museum_looks())
    yield renderer
    renderer.close()


def drawn(agent: AgentRenderer, row: dict[str, float]) -> np.ndarray:
    return agent.draw(curves_of(row), 0).astype(np.int64)


def changed(one: np.ndarray, other: np.ndarray, region: tuple[object, object]) -> float:
    return float(np.abs(one[region] - other[region]).mean())


def test_a_picture_has_the_size_and_kind_that_is_asked_for(agent: AgentRenderer) -> None:
    """128 x 224 bytes of sRGB by default."""
    image = agent.draw(curves_of(REST), 0)
    assert (image.shape, image.dtype) == ((128, 224, 3), np.uint8)


def test_an_open_jaw_changes_the_mouth_and_not_the_room(agent: AgentRenderer) -> None:
    """The inside of the mouth is seen, the background stays byte for byte."""
    shut, opened = drawn(agent, REST), drawn(agent, {"jawOpen": 0.6})
    assert changed(shut, opened, MOUTH) > 8
    assert changed(shut, opened, CORNERS) == 0
    assert opened[MOUTH].min() < shut[MOUTH].min() - 20


def test_closed_eyes_are_closed(agent: AgentRenderer) -> None:
    """No dark iris between the lids."""
    wide, closed = drawn(agent, REST), drawn(agent, {"eyeBlink": 1.0})
    assert changed(wide, closed, EYES) > 3
    assert changed(wide, closed, MOUTH) < 0.5
    dark_wide, dark_closed = ((image[EYES].mean(2) < 75).sum() for image in (wide, closed))
    assert dark_closed < dark_wide / 2


def test_a_look_aside_moves_the_irises(agent: AgentRenderer) -> None:
    """The darkest pixels of the eyes go where the gaze goes, about the viewer's right."""

    def dark_column(row: dict[str, float]) -> float:
        eyes = drawn(agent, row)[EYES].sum(2)
        _, columns = np.unravel_index(np.argsort(eyes.ravel())[:20], eyes.shape)
        return float(columns[columns < 16].mean())

    assert dark_column({"gaze_yaw": 0.35}) > dark_column({"gaze_yaw": -0.35}) + 1


def moved(one: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    """By how many rows and columns the middle of the face is elsewhere in the other picture."""
    wanted = one[60:88, 98:126]
    shifts = [(down, right) for down in range(-6, 7) for right in range(-8, 9)]
    wrong = [np.abs(other[60 + d : 88 + d, 98 + r : 126 + r] - wanted).mean() for d, r in shifts]
    return shifts[int(np.argmin(wrong))]


def test_a_turned_head_turns_to_the_viewers_right(agent: AgentRenderer) -> None:
    """A yaw moves the face to the right, a pitch moves it down."""
    straight = drawn(agent, REST)
    assert moved(straight, drawn(agent, {"head_yaw": 0.12}))[1] >= 2
    assert moved(straight, drawn(agent, {"head_yaw": -0.12}))[1] <= -2
    assert moved(straight, drawn(agent, {"head_pitch": 0.12}))[0] >= 1


def test_the_same_row_is_the_same_bytes(agent: AgentRenderer, heads_folder: Path) -> None:
    """Neither what was drawn before nor another renderer changes a picture."""
    row = {"jawOpen": 0.3, "head_yaw": 0.1, "gaze_pitch": 0.2, "breath": 0.002}
    first = drawn(agent, row)
    drawn(agent, {"jawOpen": 1.0, "head_roll": 0.3})
    np.testing.assert_array_equal(first, drawn(agent, row))
    again = AgentRenderer(heads_folder, museum_looks())
    np.testing.assert_array_equal(first, drawn(again, row))
    again.close()


Rooms = Callable[[tuple[str, ...], int], VisitorRenderer]


@pytest.fixture(scope="module")
def rooms(heads_folder: Path) -> Iterator[Rooms]:
    """A renderer for each set of faces and seed, made once."""
    made: dict[tuple[tuple[str, ...], int], VisitorRenderer] = {}

    def room(faces: tuple[str, ...], seed: int) -> VisitorRenderer:
        if (faces, seed) not in made:
            made[faces, seed] = VisitorRenderer(heads_folder, faces, seed, height=64, width=112)
        return made[faces, seed]

    yield room
    for renderer in made.values():
        renderer.close()


def test_somebody_away_leaves_the_empty_room(rooms: Rooms) -> None:
    """Who walks off is gone, whoever it is; who stands there is seen in the middle."""
    pictures = []
    for face in ("face-001", "face-002"):
        rows = curves_of({"body_x": 0.0}, {"body_x": 1.2})
        there, away = (rooms((face,), 2).draw((rows,), frame).astype(int) for frame in (0, 1))
        pictures.append(away)
        assert np.abs(there - away)[:, 40:72].mean() > 5
    np.testing.assert_array_equal(*pictures)


def test_visitors_and_scenes_differ(rooms: Rooms, heads_folder: Path) -> None:
    """Another name is another face in the same room, another seed another room, the same are the same bytes."""
    rest = (curves_of(REST),)
    one, other_face, other_room = (
        rooms((face,), seed).draw(rest, 0).astype(int)
        for face, seed in (("face-001", 2), ("face-002", 2), ("face-001", 3))
    )
    assert np.abs(one - other_face)[:, 40:72].mean() > 4
    assert np.abs(one - other_room)[:20, :20].mean() > 4
    again = VisitorRenderer(heads_folder, ("face-001",), 2, height=64, width=112)
    np.testing.assert_array_equal(one, again.draw(rest, 0))
    again.close()


def test_renderers_do_not_disturb_each_other(agent: AgentRenderer, rooms: Rooms) -> None:
    """Pictures of two renderers that are drawn in turns are those that each draws alone."""
    rest = (curves_of(REST),)
    renderer = rooms(("face-001",), 2)
    first_agent, first_visitor = drawn(agent, REST), renderer.draw(rest, 0)
    np.testing.assert_array_equal(drawn(agent, REST), first_agent)
    np.testing.assert_array_equal(renderer.draw(rest, 0), first_visitor)


def test_hands_and_items_appear_on_their_sides(rooms: Rooms) -> None:
    """A wave is seen on the right of the picture, a red card on the left, and both only when raised."""
    renderer = rooms(("face-004",), 8)

    def picture(row: dict[str, float], item: str | None = None) -> np.ndarray:
        return renderer.draw((curves_of(row),), 0, (item,)).astype(int)

    still, waving = picture(REST), picture({"hand_raise": 1.0})
    swaying, card = picture({"hand_raise": 1.0, "hand_sway": 1.0}), picture({"item_raise": 1.0}, "card.red")
    assert np.abs(waving - still)[:, 66:].mean() > 4 * np.abs(waving - still)[:, :40].mean()
    assert np.abs(waving - swaying)[:, 66:].mean() > 2
    assert np.abs(card - still)[:, :46].mean() > 4 * np.abs(card - still)[:, 72:].mean()
    red = (card[..., 0] > 2.5 * card[..., 1]) & (card[..., 0] > 60)
    assert red[:, :50].sum() > 40
    np.testing.assert_array_equal(picture(REST, "card.red"), still)


def test_two_stand_beside_each_other(rooms: Rooms) -> None:
    """When the right one leaves, the left half of the picture stays."""
    renderer = rooms(("face-005", "face-006"), 8)
    curves = (curves_of(REST, REST), curves_of(REST, {"body_x": 1.2}))
    both, alone = (renderer.draw(curves, frame).astype(int) for frame in (0, 1))
    difference = np.abs(both - alone)
    assert difference[:, 66:100].mean() > 10
    assert difference[:, :30].mean() < difference[:, 66:100].mean() / 4


def test_one_row_of_curves_for_each_face(rooms: Rooms) -> None:
    """A forgotten visitor is an error, not an empty place."""
    with pytest.raises(InvalidInput, match="expected 2"):
        rooms(("face-005", "face-006"), 8).draw((curves_of(REST),), 0, (None,))


def test_an_absurd_size_is_refused(heads_folder: Path) -> None:
    """The message says what is possible."""
    with pytest.raises(InvalidInput, match="2048"):
        AgentRenderer(heads_folder, museum_looks(), height=4, width=224)


def test_a_machine_without_opengl_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader's bare exception becomes a message with a command."""

    def fails(**_: object) -> None:
        raise Exception("libEGL.so not found")

    monkeypatch.setattr(canvas.moderngl, "create_context", fails)
    with pytest.raises(InvalidInput, match="apt-get install libegl1") as raised:
        canvas.make_context()
    assert raised.value.reason == "NO_EGL"
