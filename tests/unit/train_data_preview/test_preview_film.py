"""The preview film of a conversation."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from tests.unit.train_data_motion.made_up_clips import agent, by_hand, user
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import Backchannel, Interruption, Moment, Sound, VisitorAction
from wan_streamer.train.data.preview import colours
from wan_streamer.train.data.preview.captions import caption_at, captions
from wan_streamer.train.data.preview.film import write_preview
from wan_streamer.train.data.preview.label_strip import LabelStrip
from wan_streamer.train.data.preview.page import Page
from wan_streamer.train.data.preview.srt import to_srt
from wan_streamer.train.data.timeline import Timeline
from wan_streamer.unit import FRAME_US, FRAMES_PER_UNIT, UNIT_US, samples_per_unit

RED, BLUE = (200, 30, 30), (30, 30, 200)


def timeline() -> Timeline:
    made, _ = by_hand(
        user("u1", 300, text="Hello there?"),
        agent("a1", "u1", text="Yes, this is a long answer that is cut before it is over."),
        Backchannel(id="b1", begins=Moment(of="a1", word_index=2), visitor="ann", text="mhm", during="a1"),
        user("u2", begins=Moment(of="a1", word_index=6), interrupts=Interruption(turn="a1", yields_after_ms=300)),
        agent("a2", "u2", text="All right."),
        VisitorAction(id="w", begins=Moment(of="a2", edge="end"), visitor="ann", action="wave", duration_ms=800),
        Sound(id="c", begins=Moment(of="w", edge="end"), sound="cough", visitor="ann"),
        tail_ms=300,
    )
    return made


def plain(colour: tuple[int, int, int], count: int) -> Iterator[NDArray[np.uint8]]:
    picture = np.empty((32, 56, 3), np.uint8)
    picture[:] = colour
    return (picture for _ in range(count))


def write(path: Path, made: Timeline, *, user_frames: int | None = None, user_samples: int | None = None) -> None:
    units = len(made.units)
    seconds = np.arange(units * samples_per_unit(16000)) / 16000
    tone = (0.5 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32)
    write_preview(
        path,
        made,
        tone[:user_samples],
        np.zeros(units * samples_per_unit(24000), np.float32),
        plain(RED, units * FRAMES_PER_UNIT if user_frames is None else user_frames),
        plain(BLUE, units * FRAMES_PER_UNIT),
        Console(file=StringIO()),
    )


def test_the_film_is_as_long_as_the_conversation(tmp_path: Path) -> None:
    """Both streams decode and last as long as the timeline; the user is on the left, in picture and sound."""
    made = timeline()
    write(tmp_path / "film.mp4", made)
    with av.open(str(tmp_path / "film.mp4")) as film:
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    with av.open(str(tmp_path / "film.mp4")) as film:
        sound = np.concatenate([frame.to_ndarray() for frame in film.decode(audio=0)], axis=1)
        assert film.streams.audio[0].rate == 24000
    assert len(pictures) == len(made.units) * FRAMES_PER_UNIT
    assert abs(sound.shape[1] / 24000 - made.duration_us / 1e6) < 0.1
    assert np.abs(sound[0]).mean() > 0.1
    assert np.abs(sound[1]).mean() < 0.001
    picture = pictures[10].astype(int)
    assert np.abs(picture[20, 20] - RED).max() < 30
    assert np.abs(picture[20, -20] - BLUE).max() < 30
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["film.mp4", "film.srt"]


def test_the_colours_are_those_of_the_labels() -> None:
    """In the page of any unit the row of the agent has the colour of what it does, now and a second before."""
    made = timeline()
    page = Page(made, (32, 56), (32, 56))
    black = np.zeros((32, 56, 3), np.uint8)
    left, top, _ = page.strip_box
    for label in made.units:
        at_x = left + page.now_x - round(0.55 * page.strip.unit_px)
        drawn = page.draw(label.unit_index * FRAMES_PER_UNIT + FRAMES_PER_UNIT - 1, black, black)
        # the last frame's middle lies 7/8 of a unit after its begin: half a unit to the left is the same unit
        row = drawn[top + 1, at_x]
        assert tuple(row) == colours.AGENT_DOES[label.agent]


def test_every_row_has_its_labels() -> None:
    """Interruption, murmur, speech, wave and cough each have their colour in their row, and nowhere else."""
    made = timeline()
    strip = LabelStrip(made.units, unit_px=12, row_px=14)
    picture = strip.window(0, width=12 * len(made.units), now_x=0)
    for label in made.units:
        cells = [tuple(picture[strip.top_of(row) + 1, label.unit_index * 12 + 8].tolist()) for row in range(4)]
        assert (cells[1] == colours.INTERRUPTION) == label.interruption
        assert (cells[1] == colours.USER_SPEAKS) == (label.user_speaks and not label.interruption)
        assert (cells[1] == colours.BACKCHANNEL) == (label.backchannel and not label.user_speaks)
        assert (cells[2] == colours.EVENT) == (label.event is not None)
        assert (cells[3] == colours.SOUND) == (label.sound is not None)


def test_outside_of_the_conversation_the_strip_is_empty() -> None:
    """Before the first and after the last unit there is background only."""
    made = timeline()
    strip = LabelStrip(made.units, unit_px=12, row_px=14)
    assert (strip.window(0, width=100, now_x=100) == colours.BACKGROUND).all()
    assert (strip.window(len(made.units), width=100, now_x=0) == colours.BACKGROUND).all()


def test_captions_show_the_word_that_is_said() -> None:
    """At the middle of every word the caption of its speaker is on the screen and points to that word."""
    made = timeline()
    pages = captions(made, letter_count=24)
    assert max(len(page.text) for page in pages) <= 25
    for utterance in made.utterances:
        for word in utterance.words:
            at_us = (word.begin_us + word.end_us) // 2
            page = caption_at(pages, at_us, is_agent=utterance in made.agent_turns())
            assert page is not None
            said = page.said_word(at_us)
            assert said is not None
            # a murmur may share its moment with nobody else of its side
            assert page.words[said] == word


def test_a_cut_turn_says_so() -> None:
    """The caption of the interrupted turn ends with the sign of a cut and without the words never said."""
    pages = [page for page in captions(timeline(), letter_count=200) if page.is_agent]
    assert pages[0].ends_cut
    assert pages[0].text.startswith("Yes, this is")
    assert pages[0].text.endswith("-")
    assert "over" not in pages[0].text
    assert pages[1].text == "All right."


def test_the_clock_of_subtitles() -> None:
    """An SRT entry has its number, begin, end, speaker and words."""
    first = to_srt(captions(timeline(), letter_count=200)).split("\n\n")[0]
    assert first == "1\n00:00:00,300 --> 00:00:00,900\nann: Hello there?"


@pytest.mark.parametrize("wrong", [{"user_frames": 3}, {"user_frames": 999}, {"user_samples": 100}])
def test_what_has_another_length_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    """Too few or too many pictures, or too short a sound, are errors, and no file is left."""
    with pytest.raises(InvalidInput, match="user"):
        write(tmp_path / "film.mp4", timeline(), **wrong)
    assert not list(tmp_path.iterdir())


def test_the_page_shows_time_in_step() -> None:
    """Between two frames the strip moves by a quarter of a unit to the left."""
    made = timeline()
    strip = LabelStrip(made.units, unit_px=16, row_px=14)
    first = strip.window(20 * FRAME_US / UNIT_US, width=160, now_x=80)
    second = strip.window(21 * FRAME_US / UNIT_US, width=160, now_x=80)
    np.testing.assert_array_equal(second[:, :-4], first[:, 4:])
