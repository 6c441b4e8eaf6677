"""Who visitors are, where they stand, what they hold and what their camera is like."""

from dataclasses import asdict

import numpy as np
import pytest

from tests.unit.train_data_face.made_up_heads import curves_of
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import CARD_COLOURS, OBJECTS
from wan_streamer.train.data.face.items import item_names, lower_m, make_item
from wan_streamer.train.data.face.raised_arm import elbow_m
from wan_streamer.train.data.face.scene import draw_scene
from wan_streamer.train.data.face.sensor import Sensor
from wan_streamer.train.data.face.shape_words import anchor_phenotypes
from wan_streamer.train.data.face.visitor_identity import visitor_identity
from wan_streamer.train.data.face.visitor_renderer import BESIDE_M, standing_places
from wan_streamer.train.data.generate.cast import default_cast

FACES = default_cast().faces
WIDE = 224 / 128
MAN_ABOVE_EYES_M, SHOULDER_M = 0.13, 0.26


def seen(seed: int, points: np.ndarray, people: int) -> np.ndarray:
    """Where points are in the picture, -1 to 1."""
    matrix = draw_scene(seed, people=people).to_clip(128, 224)
    clip = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return clip[:, :2] / clip[:, 3:]


def test_a_name_is_always_the_same_person() -> None:
    """An identity depends on the name alone."""
    assert visitor_identity("face-017") == visitor_identity("face-017")
    assert visitor_identity("face-017") != visitor_identity("face-018")


def test_everybody_in_the_cast_is_a_person_of_their_own() -> None:
    """No two faces have the same shape; anchors exist and add up to one."""
    everybody = [visitor_identity(name) for name in FACES]
    assert len({tuple(person.directions.values()) for person in everybody}) == len(FACES)
    for person in everybody:
        assert person.anchors.keys() == anchor_phenotypes().keys()
        assert sum(person.anchors.values()) == pytest.approx(1)
        assert min(person.anchors.values()) >= 0


def test_the_cast_is_mixed() -> None:
    """Every style of hair and of clothes, glasses, beards, grey and dark hair occur, none of them in most."""
    everybody = [visitor_identity(name) for name in FACES]
    assert len({person.hair.style for person in everybody}) == 9
    assert len({person.clothes.outfit for person in everybody}) == 3
    for share in (
        np.mean([person.glasses is not None for person in everybody]),
        np.mean([person.beard > 0 for person in everybody]),
        np.mean([min(person.hair.colour) > 0.2 for person in everybody]),
    ):
        assert 0.02 < share < 0.5
    assert np.ptp([person.skin[1] for person in everybody]) > 0.25


def test_colours_are_colours() -> None:
    """All colours of all people lie within 0 to 1."""
    for name in FACES:
        person = asdict(visitor_identity(name))
        colours = [person[key] for key in ("skin", "iris", "lips", "brow_colour")]
        colours += [person["hair"]["colour"], person["clothes"]["colour"], person["clothes"]["inner_colour"]]
        assert 0 <= np.min(colours) <= np.max(colours) <= 1


def test_a_seed_is_one_scene() -> None:
    """The same seed gives the same camera and light; seeds differ in all of them."""
    one, same, other = (draw_scene(seed, people=1) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.camera, same.camera)
    assert one.lighting == same.lighting != other.lighting
    assert {draw_scene(seed, people=1).place for seed in range(40)} == {"foyer", "wall", "window", "street"}


@pytest.mark.parametrize("seed", range(60))
def test_the_whole_head_is_in_the_picture(seed: int) -> None:
    """Whichever camera is drawn, a visitor's head is inside; for two, both are."""
    head = np.array([[0, MAN_ABOVE_EYES_M, 0.0], [0, -0.14, 0.05], [-0.09, 0, 0], [0.09, 0, 0]])
    assert (np.abs(seen(seed, head, 1)) < 1).all()
    for x in (-BESIDE_M, BESIDE_M):
        assert (np.abs(seen(seed, head + np.array([x, 0, 0]), 2)) < 1).all()


@pytest.mark.parametrize("seed", range(60))
def test_somebody_who_is_away_is_outside(seed: int) -> None:
    """At the end of the way, further back as walkers are, no shoulder is seen."""
    for people, place in ((1, 0.0), (2, BESIDE_M)):
        for z in (0.0, -0.2):
            shoulder = np.array([[place + 1.2 - SHOULDER_M, -0.2, z], [-place - 1.2 + SHOULDER_M, -0.2, z]])
            assert (np.abs(seen(seed, shoulder, people)[:, 0]) > 1).all()


@pytest.mark.parametrize("seed", range(60))
def test_a_lowered_arm_is_outside_and_a_raised_hand_is_seen(seed: int) -> None:
    """Nothing pops up in the picture when an arm begins to rise; the palm of a raised one is inside."""
    hand_above_elbow = np.array([0, 0.33, 0])
    for side in ("left", "right"):
        palm_above_elbow = np.array([0, 0.29, 0])
        assert (np.abs(seen(seed, (elbow_m(side, 1.0) + palm_above_elbow)[None], 1)) < 1).all()
        assert seen(seed, (elbow_m(side, 0.0) + hand_above_elbow)[None], 1)[0, 1] < -1


def test_places_follow_from_who_is_there_together() -> None:
    """Two who meet stand beside each other; who never meets anybody stands in the middle."""
    here, away = {"body_x": 0.0}, {"body_x": 1.2}
    met = (curves_of(here, here), curves_of(away, here))
    assert standing_places(met) == (-BESIDE_M, BESIDE_M)
    assert standing_places((curves_of(here, away), curves_of(away, here))) == (0.0, 0.0)
    assert standing_places((curves_of(here),)) == (0.0,)


def test_there_is_a_thing_for_every_item_of_the_scripts() -> None:
    """Each item of a script is a closed list of meshes of a hand's size."""
    wanted = {"ticket", *(f"card.{name}" for name in CARD_COLOURS), *(f"object.{name}" for name in OBJECTS)}
    assert set(item_names()) == wanted
    for name in wanted:
        item = make_item(name)
        size = np.ptp(item.position_N3, axis=0)
        assert 0.08 < size.max() < 0.40
        assert item.triangles_T3.max() < len(item.position_N3)
        assert 0 <= lower_m(name) < 0.2


def test_cards_have_their_colours() -> None:
    """The red card is red, and so on."""
    strongest = {name: make_item(f"card.{name}").colour_N3[0].argmax() for name in ("red", "green", "blue")}
    assert strongest == {"red": 0, "green": 1, "blue": 2}
    red, green, blue = make_item("card.yellow").colour_N3[0]
    assert min(red, green) > 10 * blue


def test_an_unknown_item_is_refused() -> None:
    """The message lists what there is."""
    with pytest.raises(InvalidInput, match=r"card\.red"):
        make_item("card.pink")


def noisy_seed() -> int:
    return next(seed for seed in range(50) if draw_scene(seed, people=1).noise > 2)


def test_a_sensor_repeats_itself_only_for_the_same_frame() -> None:
    """Noise is a function of seed and frame, and leaves the picture's brightness."""
    seed = noisy_seed()
    sensor = Sensor(draw_scene(seed, people=1), seed, 64, 64)
    grey = np.full((64, 64, 3), 128, np.uint8)
    np.testing.assert_array_equal(sensor.expose(grey, 4), sensor.expose(grey, 4))
    assert (sensor.expose(grey, 4) != sensor.expose(grey, 5)).any()
    assert abs(sensor.expose(grey, 4).mean() - 128 * np.mean(sensor._gains)) < 1.5
