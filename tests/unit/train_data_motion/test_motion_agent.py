"""How the agent moves."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.train_data_motion.made_up_clips import agent, by_hand, drawn, user
from wan_streamer.train.data.curves import Curves
from wan_streamer.train.data.events import AgentGesture, Interruption, Moment, Silence, VisitorAction
from wan_streamer.train.data.motion.agent import agent_motion
from wan_streamer.train.data.motion.visitor import visitor_motion
from wan_streamer.unit import FRAME_US, FRAMES_PER_UNIT

# What a person can do in a frame of 40 ms: weights, radians and metres.
STEP_LIMITS = {
    "jawOpen": 0.5, "eyeBlinkLeft": 0.65, "browInnerUp": 0.3, "head_pitch": 0.12, "head_yaw": 0.12, "head_roll": 0.03,
    "gaze_yaw": 0.42, "gaze_pitch": 0.42, "breath": 0.0015, "body_x": 0.08, "body_y": 0.006, "body_z": 0.02,
    "hand_raise": 0.25, "hand_sway": 0.65, "item_raise": 0.25, "mouthSmileLeft": 0.35,
}  # fmt: skip


def check_steps(curves: Curves) -> None:
    for name, limit in STEP_LIMITS.items():
        assert np.abs(np.diff(curves.column(name))).max(initial=0) <= limit, name


def blink_begins(curves: Curves) -> np.ndarray:
    shut = curves.column("eyeBlinkLeft") > 0.5
    return np.flatnonzero(shut[1:] & ~shut[:-1])


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_any_conversation_gives_plausible_curves(seed: int) -> None:
    """Curves are as long as the conversation, faces stay within 0 to 1 and nothing moves faster than a person."""
    ((made, clips),) = drawn(1, seed)
    curves = agent_motion(made, clips, seed)
    assert curves.frame_count == len(made.units) * FRAMES_PER_UNIT
    assert curves.values_FC[:, :-12].min() >= 0
    assert curves.values_FC[:, :-12].max() <= 1
    assert np.abs(curves.column("head_pitch")).max() < 0.5
    check_steps(curves)


def test_same_seed_same_curves_and_another_seed_another_idle() -> None:
    """The seed alone decides, about everything but lips, which follow the sound."""
    ((made, clips),) = drawn(1, 5)
    first, again, other = (agent_motion(made, clips, seed) for seed in (1, 1, 2))
    assert first.to_bytes() == again.to_bytes()
    assert np.abs(first.column("head_yaw") - other.column("head_yaw")).max() > 0.01
    np.testing.assert_array_equal(first.column("jawOpen"), other.column("jawOpen"))


def test_silent_agents_have_shut_lips() -> None:
    """Two frames and more away from its own turns the agent's jaw is nearly shut."""
    for made, clips in drawn(6, 3):
        jaw = agent_motion(made, clips, 0).column("jawOpen")
        middles_us = (np.arange(len(jaw)) + 0.5) * FRAME_US
        quiet = np.ones(len(jaw), bool)
        for turn in made.agent_turns():
            quiet &= (middles_us < turn.begin_us - 120_000) | (middles_us > turn.end_us + 120_000)
        assert jaw[quiet].max(initial=0) < 0.04


def test_blinks_come_as_often_as_people_blink() -> None:
    """12 to 24 a minute, shut for at least one frame, and never two within 300 ms."""
    made, clips = by_hand(Silence(id="s", duration_ms=600_000))
    curves = agent_motion(made, clips, 0)
    begins = blink_begins(curves)
    assert 12 <= len(begins) / 10 <= 24
    assert np.diff(begins).min() * FRAME_US >= 300_000
    assert all(curves.column("eyeBlinkLeft")[begin : begin + 5].max() > 0.95 for begin in begins)
    np.testing.assert_array_equal(curves.column("eyeBlinkLeft"), curves.column("eyeBlinkRight"))


def test_blinks_gather_at_phrase_ends() -> None:
    """In the half second after somebody's turn ends the agent blinks more often than on average."""
    rates: list[float] = []
    frames, blinks = 0, 0
    for made, clips in drawn(40, 8):
        curves = agent_motion(made, clips, 1)
        begins = blink_begins(curves)
        ends = [u.end_us // FRAME_US for u in made.utterances if not u.is_cut]
        rates += [float(((begins >= end) & (begins < end + 13)).any()) for end in ends]
        frames, blinks = frames + curves.frame_count, blinks + len(begins)
    assert np.mean(rates) > 1.4 * 13 * blinks / frames


def test_a_nod_of_the_script() -> None:
    """Within half a second of a nod the head goes down by 5 degrees and comes back; without it, it does not."""
    nod = AgentGesture(id="n", begins=Moment(of="u1", word_index=1), gesture="nod")
    pitches = [agent_motion(*by_hand(user("u1", 1000), *more), 4).column("head_pitch") for more in ([nod], [])]
    count = min(map(len, pitches))
    extra = pitches[0][:count] - pitches[1][:count]
    begin = 1_300_000 // FRAME_US
    assert extra[begin : begin + 13].max() > 0.09
    assert np.abs(extra[:begin]).max() < 0.01
    assert np.abs(extra[begin + 25 :]).max() < 0.08


def test_a_smile_of_the_script() -> None:
    """After a smile the corners of the mouth are higher than the friendly rest, and then come back to it."""
    made, clips = by_hand(AgentGesture(id="s", begins=Moment(offset_ms=2000), gesture="smile"), tail_ms=5000)
    smile = agent_motion(made, clips, 0).column("mouthSmileLeft")
    assert 0.25 < smile[:50].mean() < 0.45
    assert smile[60:80].min() > smile[:50].max() + 0.15
    assert smile[120:].max() < 0.45


def test_nothing_is_known_before_it_happens() -> None:
    """Until an interruption begins, the agent moves as if there were none (its own cut excepted)."""
    cut = user("u2", begins=Moment(of="a1", offset_ms=1500), interrupts=Interruption(turn="a1", yields_after_ms=800))
    with_cut, without = (agent_motion(*by_hand(user("u1"), agent("a1", "u1"), *more), 0) for more in ([cut], []))
    begin = (1_200_000 + 700_000 + 1_500_000) // FRAME_US
    for name in ("browInnerUp", "head_roll", "mouthPressLeft"):
        np.testing.assert_allclose(with_cut.column(name)[:begin], without.column(name)[:begin], atol=0.08)
    after = slice(begin + 12, begin + 25)
    assert (with_cut.column("browInnerUp")[after] - without.column("browInnerUp")[after]).max() > 0.25


def test_eyes_follow_somebody_who_walks_in() -> None:
    """Head and eyes turn to the side from which a visitor comes, and are back in the middle when they stand there."""
    leave = VisitorAction(id="out", begins=Moment(offset_ms=1000), visitor="ann", action="leave", duration_ms=1500)
    walk = VisitorAction(
        id="in", begins=Moment(of="out", edge="end", offset_ms=3000), visitor="ben", action="arrive", duration_ms=2000
    )
    made, clips = by_hand(leave, walk, tail_ms=3000)
    curves = agent_motion(made, clips, 0)
    looked = curves.column("head_yaw") + curves.column("gaze_yaw")
    begin = 5_500_000 // FRAME_US
    side = np.sign(visitor_motion(made, "ben", clips, 0).column("body_x")[begin + 1])
    # who comes from the right of the visitors' picture comes from the left of the agent's, who is seen from the front
    assert (-side * looked[begin + 12 : begin + 18]).min() > 0.25
    assert np.median(np.abs(looked[begin + 60 :])) < 0.08


def test_a_listener_raises_the_brows() -> None:
    """The brows are higher in the second half of a long question than before it."""
    made, clips = by_hand(user("u1", 2000, text="one two three four five six seven eight nine ten?"))
    brows = agent_motion(made, clips, 0).column("browInnerUp")
    assert brows[90:120].mean() > brows[:50].mean() + 0.08


def test_breath_comes_before_words() -> None:
    """The chest rises in the 300 ms before the agent speaks."""
    made, clips = by_hand(user("u1", 3000), agent("a1", "u1"))
    breath = agent_motion(made, clips, 0).column("breath")
    begin = made.agent_turns()[0].begin_us // FRAME_US
    assert breath[begin] - breath[begin - 8] > 0.0015
