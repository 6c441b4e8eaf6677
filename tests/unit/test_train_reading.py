"""What reads letters learns what will be answered."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.support.encoded import tiny_model, write_encoded
from wan_streamer.model.config import HEARD_LETTERS, LETTER_CLASSES, LETTERS, STEPS_PER_TOKEN, EarConfig
from wan_streamer.model.letter_reader import LetterReader
from wan_streamer.model.speller import BLANK, collapsed
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.train.encoded_set import EncodedSet
from wan_streamer.train.spelling import MOST_WRONG, answer_bags, answer_loss, misspell, spelled
from wan_streamer.train.windows import VALIDATION_STEP, Windows
from wan_streamer.train.words import NOTHING

BYTES = vocabulary_named("bytes")
READ = tiny_model().tasks[0]
EAR = EarConfig(width=32, buckets=512)


def test_letters_leave_other_signs_out() -> None:
    """Small letters, digits and spaces stay; what repeats in a row of classes counts once, and BLANK not at all."""
    assert "".join(LETTERS[letter] for letter in spelled("Where's Room 2?")) == "where's room 2"
    hall = spelled("hall")
    row = [BLANK, hall[0], hall[0], hall[1], BLANK, hall[2], hall[2], BLANK, hall[3], BLANK]
    assert collapsed(row) == collapsed(torch.tensor(row)) == "hall"


def asked(*answers: tuple[int, int]) -> torch.Tensor:
    """The agent's words in windows of 30 units: two words from unit 12 on, with a gap and an END between them."""
    words = torch.full((len(answers), 30, 2), NOTHING)
    words[..., 0] = BYTES.listen
    for window, (one, other) in enumerate(answers):
        words[window, 12] = torch.tensor([one, BYTES.end])
        words[window, 15, 0] = other
    return words


def test_known_answers_are_bags_of_words() -> None:
    """Each once, whatever its order; LISTEN and END are no words."""
    known = answer_bags(asked((5, 6), (7, 8), (6, 5)), BYTES, len(BYTES))
    assert known.shape == (2, len(BYTES))
    assert torch.equal(known.sum(dim=1), torch.ones(2))
    assert sorted(known[:, 5].tolist()) == sorted(known[:, 8].tolist()) == [0, 0.5]


def test_answers_are_told_when_they_begin() -> None:
    """In the unit of an answer's first words and the one before; one that is not known, or goes on, costs nothing."""
    answers = asked((5, 6), (7, 8))
    known = answer_bags(answers, BYTES, len(BYTES))
    first = int(known[:, 5].argmax())
    chances = torch.full((2, 30, 2), 1e-9)
    chances[0, 11, first], chances[0, 12, first] = 0.5, 0.25
    chances[1, 11:13, 1 - first] = 1.0
    expected = -np.log([0.5, 0.25]).mean() / 2
    assert float(answer_loss(chances.log(), answers, known, BYTES)) == pytest.approx(expected, rel=1e-5)
    # Units after the window's say what the answer is: cut at unit 14 it is the same.
    assert float(answer_loss(chances[:, :14].log(), answers, known, BYTES)) == pytest.approx(expected, rel=1e-5)
    assert float(answer_loss(chances.log(), asked((9, 9), (7, 9)), known, BYTES)) == 0
    assert float(answer_loss(chances[..., :0].log(), answers, known[:0], BYTES)) == 0
    assert float(answer_loss(chances.log()[:, :12], answers.roll(12, dims=1)[:, :28], known, BYTES)) == 0


def test_reader_learns_answers() -> None:
    """Three letters are a word, and two words in any order an answer: after some steps texts never read are right."""
    torch.manual_seed(0)
    random, known = np.random.default_rng(0), torch.eye(40)[10:26]
    reader = LetterReader(EAR, 16, 40)
    optimizer = torch.optim.AdamW(reader.parameters(), 1e-2)

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        words = torch.from_numpy(random.integers(0, 4, (32, 2)))
        letters = torch.full((32, 8, 2 * STEPS_PER_TOKEN), BLANK)
        # A word a unit, its letters two steps apart.
        for place in range(3):
            letters[:, :2, 2 * place] = 1 + (words * (5, 3, 1)[place] + place) % 20
        heard = torch.cat([_heard(letters), torch.full((32, 8, 2, EAR.features), torch.nan)], dim=3)
        return heard, words.amin(dim=1) * 4 + words.amax(dim=1)

    for _ in range(150):
        heard, answers = draw()
        optimizer.zero_grad()
        F.nll_loss(reader.tell_apart(reader(heard), known)[:, -1], answers).backward()
        optimizer.step()
    heard, answers = draw()
    assert (reader.tell_apart(reader(heard), known)[:, -1].argmax(dim=-1) == answers).float().mean() > 0.9


def _heard(letters: torch.Tensor) -> torch.Tensor:
    return F.one_hot(letters, LETTER_CLASSES).float().reshape(*letters.shape[:2], 2, HEARD_LETTERS)


def test_what_nobody_heard_counts_as_the_mean() -> None:
    """Features that are nan and those at their mean read alike; others do not."""
    torch.manual_seed(0)
    reader = LetterReader(EAR, 8, 40)
    mean, deviation = torch.randn(EAR.features), torch.rand(EAR.features) + 0.5
    reader.set_statistics(mean, deviation)
    heard = torch.rand(1, 3, 2, EAR.heard_features)
    unknown, average = heard.clone(), heard.clone()
    unknown[..., HEARD_LETTERS:], average[..., HEARD_LETTERS:] = torch.nan, mean
    torch.testing.assert_close(reader(unknown), reader(average))
    assert not torch.allclose(reader(heard), reader(average))


def test_some_of_what_is_heard_is_changed(tmp_path: Path) -> None:
    """In training, by the window's own random numbers; never in validation."""
    conversations = EncodedSet(write_encoded(tmp_path / "set")).conversations
    windows = Windows(conversations, dataclasses.replace(READ, where="question"))
    one, same, other, held = (windows.batch(tiny_model(), step, range(2)).heard for step in (3, 3, 4, VALIDATION_STEP))
    assert one is not None
    assert held is not None
    torch.testing.assert_close(one, same, equal_nan=True, rtol=0, atol=0)
    assert not torch.equal(one, other)
    assert not held.isnan().any()


def test_some_letters_are_misspelled() -> None:
    """Up to MOST_WRONG of them become others or none, a few come besides; the ear is as it was or unknown, by half."""
    text = spelled("where is the great hall of the dinosaurs")
    classes = torch.full((1, 40, 2 * STEPS_PER_TOKEN), BLANK)
    classes.view(-1)[: 6 * len(text) : 6] = torch.tensor(text)
    heard = torch.cat([_heard(classes)[0], torch.rand(40, 2, EAR.features)], dim=2)
    unknown, changes, lengths = [], [], []
    for seed in range(300):
        made = misspell(heard, np.random.default_rng(seed))
        written = made[..., :HEARD_LETTERS].reshape(-1, LETTER_CLASSES)
        assert bool((written.sum(dim=1) == 1).all())
        row = written.argmax(dim=1)
        changes.append(int((row != classes.view(-1)).sum()) / len(text))
        lengths.append(int((row != BLANK).sum()))
        unknown.append(bool(made[..., HEARD_LETTERS:].isnan().all()))
        assert unknown[-1] or torch.equal(made[..., HEARD_LETTERS:], heard[..., HEARD_LETTERS:])
    assert 0.4 < np.mean(unknown) < 0.6
    assert 0.1 < np.mean(changes) < 0.2
    assert max(changes) > MOST_WRONG * 0.8
    assert min(lengths) < len(text) < max(lengths)


@pytest.mark.parametrize("wrong", [{"text": "words"}, {"speaks": True}, {"hears": False}])
def test_task_that_reads_has_nothing_else(wrong: dict[str, Any]) -> None:
    """It is an error that says so."""
    with pytest.raises(ValueError, match="reads"):
        dataclasses.replace(READ, **wrong)
