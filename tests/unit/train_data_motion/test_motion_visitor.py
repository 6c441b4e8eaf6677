"""How visitors move."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.train_data_motion.made_up_clips import agent, by_hand, drawn, user
from tests.unit.train_data_motion.test_motion_agent import check_steps
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import Backchannel, Moment, Sound, VisitorAction
from wan_streamer.train.data.motion.places import AWAY_M, BESIDE_M, place_x_m
from wan_streamer.train.data.motion.visitor import visitor_motion
from wan_streamer.unit import FRAME_US, FRAMES_PER_UNIT

HANDS = ("hand_raise", "hand_sway", "item_raise")


def act(action: str, offset_ms: int, duration_ms: int = 1200, visitor: str = "ann", **more: str) -> VisitorAction:
    return VisitorAction(
        id=f"{visitor}-{action}-{offset_ms}", begins=Moment(offset_ms=offset_ms), visitor=visitor,
        action=action, duration_ms=duration_ms, **more,
    )  # fmt: skip


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_any_conversation_gives_plausible_curves(seed: int) -> None:
    """Curves of all visitors are as long as the conversation, the same again, and no faster than a person."""
    ((made, clips),) = drawn(1, seed)
    for visitor in made.script.visitors:
        curves = visitor_motion(made, visitor.id, clips, seed)
        assert curves.frame_count == len(made.units) * FRAMES_PER_UNIT
        assert curves.to_bytes() == visitor_motion(made, visitor.id, clips, seed).to_bytes()
        check_steps(curves)


def test_who_is_away_is_outside_of_the_picture() -> None:
    """Exactly in the units whose label does not have the visitor, they stand AWAY_M to the side."""
    for made, clips in drawn(12, 21):
        for visitor in made.script.visitors:
            x_m = np.abs(visitor_motion(made, visitor.id, clips, 0).column("body_x")).reshape(-1, FRAMES_PER_UNIT)
            for label, unit_x_m in zip(made.units, x_m, strict=True):
                if visitor.id not in label.present:
                    assert unit_x_m.min() > 0.9 * AWAY_M
            walking = [
                k
                for h in made.happenings
                if isinstance(h.event, VisitorAction) and h.event.action in ("arrive", "come_back", "leave")
                for k in range(h.begin_us // 160_000, h.end_us // 160_000 + 1)
            ]
            standing = [k for k, label in enumerate(made.units) if visitor.id in label.present and k not in walking]
            assert x_m[standing].max(initial=0) < 0.03


def test_hands_move_in_their_action_only() -> None:
    """A wave raises and sways the hand, showing raises the item, each inside of its own time and never together."""
    made, clips = by_hand(act("wave", 1000), act("show_card", 4000, item="red"), tail_ms=2000)
    curves = visitor_motion(made, "ann", clips, 0)
    middles_us = (np.arange(curves.frame_count) + 0.5) * FRAME_US
    for names, begin_us in ((HANDS[:2], 1_000_000), (HANDS[2:], 4_000_000)):
        within = (middles_us >= begin_us) & (middles_us < begin_us + 1_200_000)
        for name in names:
            assert np.abs(curves.column(name)[within]).max() > 0.9
            assert not curves.column(name)[~within].any()
    sway = curves.column("hand_sway")
    assert sway.min() < -0.5
    assert (np.diff(np.sign(sway[sway != 0])) != 0).sum() >= 3
    assert not any(visitor_motion(made, "ben", clips, 0).column(name).any() for name in HANDS)


def test_a_cough_jerks_the_head() -> None:
    """During a cough the head goes forward, the mouth opens and the eyes narrow; a sneeze and a laugh differ."""
    jaws = []
    for sound in ("cough", "sneeze", "laugh"):
        made, clips = by_hand(Sound(id="c", begins=Moment(offset_ms=2000), sound=sound, visitor="ann"), tail_ms=3000)
        curves = visitor_motion(made, "ann", clips, 0)
        during = slice(50, 75)
        jaws.append(curves.column("jawOpen")[during])
        assert curves.column("jawOpen")[during].max() > 0.2
        assert curves.column("jawOpen")[:49].max() < 0.02
        assert np.ptp(curves.column("head_pitch")[during]) > 0.05
    assert np.abs(jaws[0] - jaws[2]).max() > 0.05


def test_a_sound_of_the_room_moves_nobody() -> None:
    """A door is not a cough."""
    made, clips = by_hand(Sound(id="d", begins=Moment(offset_ms=1000), sound="door"))
    assert visitor_motion(made, "ann", clips, 0).column("jawOpen").max() < 0.01


def test_murmurs_come_with_nods() -> None:
    """The head goes further down at backchannels than on average, over many seeds."""
    murmur = Backchannel(id="b", begins=Moment(of="a1", word_index=3), visitor="ann", text="mhm", during="a1")
    made, clips = by_hand(user("u1"), agent("a1", "u1"), murmur)
    # a soundless murmur: loud ones move the head by their stress too
    clips = {**clips, "b": replace(clips["b"], samples=np.zeros_like(clips["b"].samples))}
    begin = (1_200_000 + 700_000 + 900_000) // FRAME_US
    rises = []
    for seed in range(20):
        pitch = visitor_motion(made, "ann", clips, seed).column("head_pitch")
        rises.append(pitch[begin : begin + 12].max() - pitch[begin - 5 : begin + 1].mean())
    assert np.median(rises) > 0.05


def test_two_visitors_stand_beside_each_other_and_turn_to_each_other() -> None:
    """Who is there together stands left and right; in side talk each looks towards the other, then back."""
    made, clips = by_hand(
        act("arrive", 200, visitor="ben"),
        user("s", 3000, to="ben", intent="side_talk"),
        tail_ms=4000,
    )
    assert (place_x_m(made, "ann"), place_x_m(made, "ben")) == (-BESIDE_M, BESIDE_M)
    during = slice(3_500_000 // FRAME_US, 4_100_000 // FRAME_US)
    for name, sign in (("ann", 1), ("ben", -1)):
        curves = visitor_motion(made, name, clips, 0)
        looked = sign * (curves.column("head_yaw") + curves.column("gaze_yaw"))
        assert looked[during].min() > 0.4
        assert np.median(looked[-40:]) < 0.45


def test_who_is_there_alone_stands_in_the_middle() -> None:
    """A visitor who arrives when the other has left has the middle of the picture."""
    made, _ = by_hand(act("leave", 500), act("arrive", 4000, visitor="ben"))
    assert (place_x_m(made, "ann"), place_x_m(made, "ben")) == (0.0, 0.0)


def test_visitors_differ() -> None:
    """Two visitors of the same seed have habits of their own."""
    made, clips = by_hand(user("u1"), tail_ms=8000)
    ann, ben = (visitor_motion(made, name, clips, 0) for name in ("ann", "ben"))
    assert np.abs(ann.column("head_roll") - ben.column("head_roll")).max() > 0.01


def test_unknown_visitors_are_refused() -> None:
    """A visitor who is not in the script is an error that names who is."""
    made, clips = by_hand(user("u1"))
    with pytest.raises(InvalidInput, match="ann"):
        visitor_motion(made, "eve", clips, 0)


def test_who_stands_aside_looks_at_the_camera() -> None:
    """Two who stand left and right of the camera look towards the middle: the left one to the right, and so on."""
    made, clips = by_hand(act("arrive", 200, visitor="ben"), tail_ms=20_000)
    for name, sign in (("ann", 1), ("ben", -1)):
        curves = visitor_motion(made, name, clips, 0)
        looked = sign * (curves.column("head_yaw") + curves.column("gaze_yaw"))
        assert np.median(looked[50:]) == pytest.approx(np.arctan2(BESIDE_M, 0.9), abs=0.05)
