"""Lips follow phones."""

import numpy as np
import pytest

from tests.unit.train_data_motion.made_up_clips import RATE_HZ, agent, by_hand, clip_of_phones, user
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import Interruption, Moment, Pause
from wan_streamer.train.data.motion.agent import agent_motion
from wan_streamer.train.data.motion.lips import mouth_curves
from wan_streamer.train.data.motion.placed_speech import loudness, place_speech
from wan_streamer.train.data.spoken_clip import Phone, SpokenClip
from wan_streamer.unit import FRAME_US

VOWELS = ("AA", "AE", "AH", "AO", "EH")


def phones_of(names: str, phone_us: int, begin_us: int = 400_000) -> list[Phone]:
    return [
        Phone(name=name, begin_us=begin_us + i * phone_us, end_us=begin_us + (i + 1) * phone_us)
        for i, name in enumerate(names.split())
    ]


def gap(curves: dict[str, np.ndarray]) -> np.ndarray:
    return curves["jawOpen"] - curves["mouthClose"]


@pytest.mark.parametrize("phase_us", range(0, FRAME_US, 5000))
def test_closures_are_seen_wherever_a_frame_falls(phase_us: int) -> None:
    """In the frame nearest to the middle of a P, B or M of 50 ms the lips are shut, also between open vowels."""
    for closed in "PBM":
        phones = [
            Phone(name="AA", begin_us=300_000, end_us=600_000 + phase_us),
            Phone(name=closed, begin_us=600_000 + phase_us, end_us=650_000 + phase_us),
            Phone(name="AE", begin_us=650_000 + phase_us, end_us=900_000),
        ]
        curves = mouth_curves(phones, 30)
        frame = (625_000 + phase_us) // FRAME_US
        assert gap(curves)[frame] < 0.06
        assert curves["mouthPressLeft"][frame] > 0.2
        assert gap(curves)[[10, 20]].min() > 0.35


def test_the_mouth_opens_with_vowels() -> None:
    """Frames inside open vowels have an open jaw, frames inside closed sounds do not; together they correlate."""
    names = " ".join(np.random.default_rng(1).choice([*VOWELS, "S", "T", "P", "M", "SH"], 300).tolist())
    phones = phones_of(names, 110_000, 0)
    jaw = mouth_curves(phones, 300 * 110 // 40)["jawOpen"]
    middles_us = (np.arange(len(jaw)) + 0.5) * FRAME_US
    is_vowel = np.array([phones[int(time_us // 110_000)].name in VOWELS for time_us in middles_us])
    assert np.corrcoef(jaw, is_vowel)[0, 1] > 0.75
    assert jaw[is_vowel].mean() > 2.5 * jaw[~is_vowel].mean()


def test_each_phone_looks_like_itself() -> None:
    """At the middle of a long phone the action that makes it is there: rounding, lip on teeth, spread lips."""
    for name, action in (
        ("UW", "mouthPucker"),
        ("SH", "mouthFunnel"),
        ("F", "mouthRollLower"),
        ("IY", "mouthStretchLeft"),
    ):
        curves = mouth_curves(phones_of(f"AH {name} AH", 240_000, 0), 18)
        middle = 360_000 // FRAME_US
        assert curves[action][middle] > 3 * max(curves[action][1], 0.05)


def test_a_mouth_without_phones_is_shut() -> None:
    """No phone and long silence both leave every action at 0."""
    for phones in ([], [Phone(name="SIL", begin_us=0, end_us=800_000)]):
        assert all(np.abs(values).max() < 1e-9 for values in mouth_curves(phones, 20).values())


def test_short_silences_do_not_shut_the_mouth() -> None:
    """In a silence of 80 ms between two words the lips stay apart."""
    phones = [
        Phone(name="AA", begin_us=0, end_us=400_000),
        Phone(name="SIL", begin_us=400_000, end_us=480_000),
        Phone(name="AA", begin_us=480_000, end_us=900_000),
    ]
    assert mouth_curves(phones, 20)["jawOpen"][10:12].min() > 0.15


def test_unknown_phones_are_refused() -> None:
    """A phone that is not ARPAbet is an error that names it."""
    with pytest.raises(InvalidInput, match="'Q9'"):
        mouth_curves(phones_of("AA Q9", 100_000), 40)


def test_lips_shut_at_a_cut() -> None:
    """An agent that is interrupted inside an open vowel has shut lips 120 ms after its last sound."""
    clip = clip_of_phones("aaaa", "AA " * 20, 150_000)
    made, clips = by_hand(
        user("u1"),
        agent("a1", "u1", text="aaaa"),
        user("u2", begins=Moment(of="a1", offset_ms=900), interrupts=Interruption(turn="a1", yields_after_ms=300)),
        clips={"a1": clip},
    )
    (turn,) = made.agent_turns()
    assert turn.is_cut
    jaw = agent_motion(made, clips, 0).column("jawOpen")
    middles_us = (np.arange(len(jaw)) + 0.5) * FRAME_US
    assert jaw[(middles_us > turn.begin_us + 100_000) & (middles_us < turn.end_us - 60_000)].min() > 0.4
    assert jaw[middles_us >= turn.end_us + 120_000].max() < 0.03


def test_pauses_shift_the_lips() -> None:
    """With a pause inside a turn the lips rest in it and go on after it."""
    spoken = clip_of_phones("x", "AA " * 10, 100_000)
    clip = SpokenClip(
        voice="v", text="aa aa", sample_rate_hz=RATE_HZ, samples=spoken.samples,
        words=((0, 500_000), (500_000, 1_000_000)), phones=spoken.phones,
    )  # fmt: skip
    turn = agent("a1", "u1", text="aa aa", pauses=(Pause(after_word_index=0, duration_ms=800),))
    made, clips = by_hand(user("u1"), turn, clips={"a1": clip})
    jaw = agent_motion(made, clips, 0).column("jawOpen")
    begin_frame = made.agent_turns()[0].begin_us // FRAME_US
    assert jaw[begin_frame + 4 : begin_frame + 10].min() > 0.35
    assert jaw[begin_frame + 17 : begin_frame + 28].max() < 0.03
    assert jaw[begin_frame + 36 : begin_frame + 42].min() > 0.35


def test_loudness_lies_where_the_sound_is() -> None:
    """Frames inside the turn are loud, frames outside are exactly silent."""
    made, clips = by_hand(user("u1"), agent("a1", "u1"))
    level = loudness(place_speech(made.agent_turns(), clips), made.duration_us // FRAME_US)
    begin, end = made.agent_turns()[0].begin_us // FRAME_US, made.agent_turns()[0].end_us // FRAME_US
    assert level[begin + 1 : end - 1].min() > 0.5
    assert not level[:begin].any()
    assert not level[end + 1 :].any()


def test_a_missing_clip_is_an_error() -> None:
    """Without the clip of a turn nobody can know its lips."""
    made, clips = by_hand(user("u1"), agent("a1", "u1"))
    with pytest.raises(InvalidInput, match="'a1'"):
        agent_motion(made, {"u1": clips["u1"]}, 0)
