"""From raw sound to a clip with times, with an aligner that is made to be a little wrong."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from tests.unit.train_data_voices.speech import GAP_MS, LEAD_MS, WORD_MS, buzzes
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.spoken_clip import Phone
from wan_streamer.train.data.voices.aligner import Aligned, AlignedWord
from wan_streamer.train.data.voices.engine import Sound
from wan_streamer.train.data.voices.timing import MARGIN_US, time_speech

STEP_US = (WORD_MS + GAP_MS) * 1000


class OffBy:
    """Finds every word late by so much, as two phones."""

    def __init__(self, late_us: int) -> None:
        self._late_us = late_us

    def align(self, sound: Sound, tokens: Sequence[str], *, begin_us: int, end_us: int) -> Aligned:
        words = []
        for index in range(len(tokens)):
            at_us = LEAD_MS * 1000 + index * STEP_US + self._late_us
            middle_us, last_us = at_us + 90_000, at_us + WORD_MS * 1000
            phones = (
                Phone(name="B", begin_us=at_us, end_us=middle_us),
                Phone(name="AH", begin_us=middle_us, end_us=last_us),
            )
            words.append(AlignedWord(phones=phones))
        return Aligned(words=tuple(words), how="aligned")


def test_words_snap_to_the_sound_and_the_clip_is_trimmed() -> None:
    """Though the aligner is 40 ms late, words begin and end with the buzzes, and 30 ms of silence are left around."""
    clip, how, begin_us = time_speech(buzzes(3), "buzz", "one two three", OffBy(40_000))
    assert how == "aligned"
    for index, (begin_us, end_us) in enumerate(clip.words):
        assert begin_us == pytest.approx(MARGIN_US + index * STEP_US, abs=5_000)
        assert end_us - begin_us == pytest.approx(WORD_MS * 1000, abs=5_000)
    assert clip.duration_us == pytest.approx(clip.words[-1][1] + MARGIN_US, abs=1_000)
    loud = np.flatnonzero(np.abs(clip.samples) > 0.1)
    assert loud[0] / clip.sample_rate_hz == pytest.approx(clip.words[0][0] / 1e6, abs=0.005)


def test_phones_fill_the_clip_without_gaps() -> None:
    """From 0 to the end, each beginning where the one before ends, silence between and around the words."""
    clip, _, _ = time_speech(buzzes(2), "buzz", "one two", OffBy(0))
    assert clip.phones[0].begin_us == 0
    assert clip.phones[-1].end_us == clip.duration_us
    assert all(left.end_us == right.begin_us for left, right in pairwise(clip.phones))
    assert [phone.name for phone in clip.phones] == ["SIL", "B", "AH", "SIL", "B", "AH", "SIL"]


def test_a_figure_is_one_word_and_a_dash_an_instant() -> None:
    """10:30 lasts as long as its two spoken words; a bare dash begins and ends with the end of the word before."""
    clip, _, _ = time_speech(buzzes(4), "buzz", "at 10:30 - sharp", OffBy(0))
    at, figure, dash, sharp = clip.words
    assert figure[1] - figure[0] == pytest.approx((2 * WORD_MS + GAP_MS) * 1000, abs=10_000)
    assert dash == (figure[1], figure[1])
    assert at[1] < figure[0] < sharp[0]


@pytest.mark.parametrize("text", ["-", "?!"])
def test_a_text_without_words_is_refused(text: str) -> None:
    """There is nothing to align."""
    with pytest.raises(InvalidInput, match="expected something that can be said"):
        time_speech(buzzes(1), "buzz", text, OffBy(0))


def test_silence_is_refused() -> None:
    """A voice that makes no sound has failed."""
    with pytest.raises(InvalidInput, match="got no sound from buzz"):
        time_speech(Sound(samples=np.zeros(8000, np.float32), sample_rate_hz=16_000), "buzz", "one", OffBy(0))
