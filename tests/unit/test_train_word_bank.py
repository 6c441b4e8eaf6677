"""Words cut out of what was spelled, and conversations made of them without sound."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.conversations import small_conversation
from wan_streamer.model.config import HEARD_LETTERS, LETTER_CLASSES
from wan_streamer.model.presets import nano, untrained
from wan_streamer.model.speller import BLANK, collapsed
from wan_streamer.model.vocabulary import vocabulary_named, vocabulary_path
from wan_streamer.train.encoded import Encoder, unit_type
from wan_streamer.train.spelling import spelled
from wan_streamer.train.vocabulary import TextTokens
from wan_streamer.train.word_bank import STEP_US, WordBank, align, in_letters, put_together
from wan_streamer.train.words import NOTHING, TimedWord, tokens_of_units
from wan_streamer.unit import UNIT_US

pytest.importorskip("tokenizers")

NANO = vocabulary_named("nano")
PER_UNIT = UNIT_US // STEP_US
# Steps from the end of a word's sound to its last letter.
LATE = 20


def spelling_of(text: str, *, steps: int = 3) -> NDArray[np.float32]:
    """Each letter in one step, the others blank."""
    rows = [row for letter in spelled(text) for row in (letter, *[BLANK] * (steps - 1))]
    return np.eye(LETTER_CLASSES, dtype=np.float32)[rows]


def conversation(text: str, units: int = 80) -> NDArray[np.void]:
    """A question that begins in unit 40, spelled LATE steps after it is said."""
    records = np.zeros(units, unit_type(nano(), pictures=False, agent_sound=False))
    chances = np.zeros((units * PER_UNIT, LETTER_CLASSES), np.float32)
    chances[:, BLANK] = 1
    letters = spelling_of(text)
    begin = 40 * PER_UNIT
    chances[begin + LATE : begin + LATE + len(letters)] = letters
    records["heard"][..., :HEARD_LETTERS] = chances.reshape(units, -1, HEARD_LETTERS)
    ends = np.cumsum([3 * len(word) + 3 for word in text.split()]) - 3
    tokens = TextTokens(vocabulary_path("nano")).of_words(text)
    words = [
        TimedWord(from_us=(begin + int(end)) * STEP_US, tokens=tuple(pieces))
        for end, pieces in zip(ends, tokens, strict=True)
    ]
    records["said"] = tokens_of_units(words, units, max_tokens=nano().max_text_tokens, vocabulary=NANO)
    records["words"] = NOTHING
    return records


def test_the_likeliest_path_is_found() -> None:
    """The steps in which letters begin are those of the best of all paths that spell them."""
    random = np.random.default_rng(0)
    for text in ("ab", "aa", "aba"):
        letters = spelled(text)
        for _ in range(20):
            chances = random.dirichlet(np.full(LETTER_CLASSES, 0.1), 6).astype(np.float32).clip(1e-5)
            paths = itertools.product({*letters, BLANK}, repeat=6)
            spelling = [path for path in paths if collapsed(list(path)) == text]
            best = max(spelling, key=lambda path: np.log(chances[range(6), path]).sum())
            begins = [at for at, one in enumerate(best) if one != BLANK and (at == 0 or best[at - 1] != one)]
            assert align(letters, chances) == begins
    assert align(spelled("aaaa"), chances) is None


def test_words_are_cut_out_whole() -> None:
    """Each word spells itself, ends as late as it was, and what was never heard is made of letters that were."""
    bank = WordBank([conversation("where is the great hall")], NANO)
    random = np.random.default_rng(0)
    assert len(bank) == 5
    for word in ("where", "is", "the", "great", "hall"):
        piece = bank.draw(word, random)
        assert collapsed(piece.chances.argmax(axis=1).tolist()).strip() == word
        # To the unit's middle, for nobody knows where in it a word ended.
        assert abs(piece.late - LATE) <= PER_UNIT
    assert collapsed(bank.draw("Whale!", random).chances.argmax(axis=1).tolist()).strip() == "whale"
    assert in_letters("Where's it?") == "where's it"


def test_silence_is_where_nobody_speaks() -> None:
    """As long as wanted, and without a letter."""
    bank = WordBank([conversation("where is the hall", units=200)], NANO)
    silence = bank.silence(1000, np.random.default_rng(0))
    assert silence.shape == (1000, LETTER_CLASSES)
    assert bool((silence.argmax(axis=1) == BLANK).all())


def test_a_conversation_is_put_together() -> None:
    """What its visitor says is spelled once, after it is said; the ear beside it hears nothing; words are as always."""
    made = small_conversation(words=6)
    bank, random = WordBank([conversation("why why why why why why")], NANO), np.random.default_rng(0)
    timeline = made.timeline
    asked = timeline.utterances[0]
    said = {asked.event.id: [bank.draw("why", random) for _ in range(6)]}
    silence = np.zeros((len(timeline.units) * PER_UNIT, LETTER_CLASSES), np.float32)
    silence[:, BLANK] = 1
    chances = put_together(timeline, said, silence)
    first = int((chances.argmax(axis=1) != BLANK).argmax())
    assert collapsed(chances.argmax(axis=1).tolist()).replace(" ", "") == "why" * 6
    assert first * STEP_US >= asked.words[0].begin_us
    encoder = Encoder(untrained(nano(), 0), None)
    records = encoder.encode_spelled(timeline, chances.reshape(len(timeline.units), -1, HEARD_LETTERS))
    assert bool(np.isnan(records["heard"][..., HEARD_LETTERS:]).all())
    heard = encoder.encode_heard(timeline, made.user_audio)
    for name in ("words", "said", "noticed", "speaks"):
        np.testing.assert_array_equal(records[name], heard[name])
