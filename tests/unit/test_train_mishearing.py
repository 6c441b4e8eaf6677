"""Questions that are heard anew: of pieces of those that were heard as badly."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.test_train_word_bank import LATE, NANO, PER_UNIT, conversation
from wan_streamer.model.config import HEARD_LETTERS, LETTER_CLASSES
from wan_streamer.model.speller import BLANK, collapsed
from wan_streamer.train.mishearing import Mishearing
from wan_streamer.train.recipes import stage_1_nano_reading
from wan_streamer.train.spelling import HEARD_AGAIN, spelled
from wan_streamer.train.tasks import READ
from wan_streamer.train.windows import VALIDATION_STEP, Windows
from wan_streamer.train.word_bank import letters_of

pytest.importorskip("tokenizers")

TEXTS = ("where is the great hall", "is the hall here", "the great whale is here", "here is the hall")


def misheard(text: str, wrong: dict[str, str]) -> NDArray[np.void]:
    """A question some letters of which are always spelled as others."""
    records = conversation(text)
    chances = letters_of(records)
    for letter, other in wrong.items():
        (was,), (is_,) = spelled(letter), spelled(other)
        chances[:, is_] += chances[:, was]
        chances[:, was] = 0
    records["heard"][..., :HEARD_LETTERS] = chances.reshape(len(records), -1, HEARD_LETTERS)
    return records


def again(mishearing: Mishearing, records: NDArray[np.void], seed: int = 0) -> tuple[str, NDArray[np.int64]]:
    classes = mishearing.again(records["said"], letters_of(records).argmax(axis=1), np.random.default_rng(seed))
    return collapsed(classes.tolist()).strip(), classes


def test_what_is_always_heard_rightly_stays() -> None:
    """The same letters, about when they were spelled before, and nothing else."""
    mishearing = Mishearing([conversation(text) for text in TEXTS], NANO)
    assert len(mishearing) == len(TEXTS)
    records = conversation("the great hall")
    text, classes = again(mishearing, records)
    assert text == "the great hall"
    first = int(np.flatnonzero(classes != BLANK)[0])
    # In which part of its unit a word ends is not known.
    assert abs(first - 40 * PER_UNIT - LATE) <= PER_UNIT


def test_letters_are_misheard_as_they_were() -> None:
    """Every letter as it was heard elsewhere, between the same two others where it was heard there often enough."""
    mishearing = Mishearing([misheard(text, {"g": "k", "h": "a"}) for text in TEXTS * 3], NANO)
    assert {again(mishearing, conversation("the great hall"), seed)[0] for seed in range(8)} == {"tae kreat aall"}
    # Of what was never heard between these neighbours those between any others are taken.
    assert again(mishearing, conversation("huge"))[0] == "auke"


def test_a_question_is_heard_badly_or_well() -> None:
    """Pieces of questions that were heard badly do not come beside others."""
    bad = {"e": "o", "a": "o", "s": "x", "t": "d", "h": "m"}
    mishearing = Mishearing(
        [record for text in TEXTS * 3 for record in (conversation(text), misheard(text, bad))], NANO
    )
    found = [again(mishearing, conversation("the great hall"), seed)[0] for seed in range(40)]
    assert set(found) == {"the great hall", "dmo grood moll"}
    # Of each as many were heard.
    assert 8 < found.count("the great hall") < 32


def test_many_words_find_room() -> None:
    """Words that come faster than their pieces are long move on; the window's end cuts what is left."""
    mishearing = Mishearing([conversation(text) for text in TEXTS], NANO)
    records = conversation("the great hall is the great hall is here", units=60)
    assert again(mishearing, records)[0] == "the great hall is the great hall is here"
    assert "the great hall".startswith(again(mishearing, records[:44])[0])


def test_what_was_made_without_sound_gives_nothing() -> None:
    """Then everything stays as it is."""
    made = conversation("where is the hall")
    made["heard"][..., HEARD_LETTERS:] = np.nan
    mishearing = Mishearing([made], NANO)
    assert len(mishearing) == 0
    letters = np.random.default_rng(0).integers(LETTER_CLASSES, size=len(made) * PER_UNIT)
    np.testing.assert_array_equal(mishearing.again(made["said"], letters, np.random.default_rng(1)), letters)


def test_most_windows_of_training_are_misheard() -> None:
    """HEARD_AGAIN of those around questions, in other places some letters change; what is held out is as it was."""
    mishearing = Mishearing([misheard(text, {"l": "9"}) for text in TEXTS], NANO)
    windows = Windows([conversation("where is the hall")], READ, mishearing=mishearing)
    held, heard = (windows.batch(stage_1_nano_reading(), step, range(64)).heard for step in (VALIDATION_STEP, 0))
    assert held is not None
    assert heard is not None
    before, after = (
        [collapsed(one[..., :HEARD_LETTERS].reshape(-1, LETTER_CLASSES).argmax(dim=1)) for one in some]
        for some in (held, heard)
    )
    assert sum("ha99" in text for text in after) / 64 == pytest.approx(HEARD_AGAIN, abs=0.2)
    assert not any("9" in text for text in before)
