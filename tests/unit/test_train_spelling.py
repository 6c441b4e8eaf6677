"""The speech encoder learns to spell what is heard, by CTC."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.support.encoded import tiny_model, write_encoded
from wan_streamer.model.config import EarConfig
from wan_streamer.model.speech_encoder import BLANK, LETTERS, LETTERS_PER_TOKEN, SpeechEncoder
from wan_streamer.model.vocabulary import vocabulary_named
from wan_streamer.train.encoded_set import EncodedSet
from wan_streamer.train.spelling import foretelling_loss, hide_some, spell, spelling_loss
from wan_streamer.train.windows import VALIDATION_STEP, Windows
from wan_streamer.train.words import NOTHING

VOCABULARY = vocabulary_named("nano")
BYTES = vocabulary_named("bytes")
SPELL = tiny_model().tasks[0]


def tokens_of(text: str) -> list[int]:
    return list(text.encode())


def test_words_are_spelled_in_letters_we_have() -> None:
    """Small letters, digits and spaces stay; other signs, LISTEN and END are left out."""
    tokens = [*tokens_of(" Where's room 2?"), BYTES.listen, NOTHING, BYTES.end]
    assert "".join(LETTERS[letter] for letter in spell(tokens, BYTES)) == "where's room 2"
    known = [token for token, piece in enumerate(VOCABULARY.pieces) if piece == b" the"]
    assert "".join(LETTERS[letter] for letter in spell(known, VOCABULARY)) == "the"


def test_loss_counts_every_way_to_spell() -> None:
    """Three places for "ab" with equal chances: five ways of writing it, of 38^3."""
    classes = len(LETTERS) + 1
    log_chances = F.log_softmax(torch.zeros(1, 3, classes), dim=-1)
    words = torch.tensor([[tokens_of("ab")]])
    nats = float(spelling_loss(log_chances, words, BYTES)) * 32
    assert nats == pytest.approx(3 * np.log(classes) - np.log(5), rel=1e-5)


def test_window_without_words_is_to_be_blank() -> None:
    """What says nothing costs nothing if the encoder says so, and more if it writes something."""
    words = torch.full((1, 2, 2), NOTHING)
    silent, loud = torch.zeros(1, 12, len(LETTERS) + 1), torch.zeros(1, 12, len(LETTERS) + 1)
    silent[..., BLANK] = loud[..., 3] = 20.0
    costs = [float(spelling_loss(F.log_softmax(one, dim=-1), words, BYTES)) for one in (silent, loud)]
    assert costs[0] < 1e-4 < 1 < costs[1]


def test_answers_are_foretold_when_they_begin() -> None:
    """In the unit of an answer's first words and the one before; neither in its gaps nor in what comes elsewhere."""
    vocabulary = len(BYTES)
    answers = torch.full((1, 30, 2), NOTHING)
    answers[..., 0] = BYTES.listen
    # An answer of two words with a gap between them, and END after the first; the next answer long after.
    answers[0, 12] = torch.tensor([5, BYTES.end])
    answers[0, 15, 0] = 6
    chances = torch.full((1, 30, vocabulary), 1e-9)
    chances[0, 11, 5], chances[0, 11, 6] = 0.5, 0.25
    chances[0, 12, 5], chances[0, 12, 6] = 0.125, 0.125
    expected = -np.log([0.5, 0.25, 0.125, 0.125]).mean()
    assert float(foretelling_loss(chances.log(), answers, BYTES)) == pytest.approx(expected, rel=1e-5)
    assert float(foretelling_loss(chances.log(), answers.roll(12, dims=1)[:, :20], BYTES)) == 0


def test_encoder_learns_to_spell() -> None:
    """Each letter a feature of its own for two tokens: after some steps words never heard are spelled right."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    encoder = SpeechEncoder(EarConfig(width=32, dilations=(1, 2)), 8)
    optimizer = torch.optim.AdamW(encoder.parameters(), 5e-3)

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        texts = random.choice(list(b"abcdefgh"), (16, 6))
        features = torch.zeros(16, 12, 96)
        features.scatter_(2, torch.from_numpy(texts - ord("a")).repeat_interleave(2, 1)[..., None], 8.0)
        # A unit of silence ends it: the last letters may be written there.
        heard = F.pad(features.unflatten(1, (6, 2)), (0, 0, 0, 0, 0, 1))
        return heard, F.pad(torch.from_numpy(texts)[..., None], (0, 1, 0, 1), value=NOTHING)

    for _ in range(150):
        heard, words = draw()
        optimizer.zero_grad()
        spelling_loss(encoder.spell(encoder(heard)), words, BYTES).backward()
        optimizer.step()
    heard, words = draw()
    written = [
        [letter for place, letter in enumerate(row) if letter != BLANK and (place == 0 or row[place - 1] != letter)]
        for row in encoder.spell(encoder(heard)).argmax(dim=-1).tolist()
    ]
    right = [spell(row.flatten().tolist(), BYTES) for row in words]
    # The same letter twice in a row sounds like one.
    plain = [place for place, row in enumerate(right) if all(a != b for a, b in itertools.pairwise(row))]
    assert len(plain) >= 4
    assert [written[place] for place in plain] == [right[place] for place in plain]
    assert encoder.spell(encoder(heard)).shape == (16, 7 * 2 * LETTERS_PER_TOKEN, len(LETTERS) + 1)


def test_some_of_what_is_heard_is_hidden(tmp_path: Path) -> None:
    """In training, by the window's own random numbers; never in validation."""
    windows = Windows(EncodedSet(write_encoded(tmp_path / "set")).conversations, SPELL)
    one, same, other, held = (windows.batch(tiny_model(), step, range(2)).heard for step in (3, 3, 4, VALIDATION_STEP))
    assert one is not None
    assert held is not None
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    plain = dataclasses.replace(SPELL, spells=False)
    whole = Windows(windows._conversations, plain).batch(tiny_model(), VALIDATION_STEP, range(2)).heard
    assert torch.equal(held, whole)
    features = torch.randn(6, 2, 96)
    random = np.random.default_rng(5)
    hidden = hide_some(features, random)
    kept = (hidden - features).abs() < 1.0
    assert 0.5 < float(kept.float().mean()) < 1
    assert hidden.mean() == pytest.approx(float(features.mean()), abs=0.1)


@pytest.mark.parametrize("wrong", [{"text": "words"}, {"speaks": True}, {"hears": False}])
def test_task_that_spells_has_nothing_else(wrong: dict[str, Any]) -> None:
    """It is an error that says so."""
    with pytest.raises(ValueError, match="spells"):
        dataclasses.replace(SPELL, **wrong)
