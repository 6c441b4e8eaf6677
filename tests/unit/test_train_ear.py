"""Training of Whisper's ear: which sound spells which letters, and a run that goes on bit for bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from tests.support.conversations import small_conversation
from wan_streamer.errors import InvalidInput
from wan_streamer.model.row_integers import restored
from wan_streamer.model.speller import BLANK, LETTERS
from wan_streamer.model.whisper_ear import RIGHT_TOKENS, WINDOW_SAMPLES, WhisperEar, load_whisper_ear
from wan_streamer.train.clips import Clips, item_random
from wan_streamer.train.distributed import Group
from wan_streamer.train.ear_data import (
    EARLY_TOKENS,
    RIGHT_SAMPLES,
    TOKEN_SAMPLES,
    HeardWord,
    SpelledTokens,
    SpokenWindow,
    SpokenWindows,
    list_heard,
    spoken_windows,
)
from wan_streamer.train.ear_trainer import EarRecipe, EarTrainer, hide_some, spelling_loss
from wan_streamer.train.spelling import spelled
from wan_streamer.train.trainer import Arithmetic

pytest.importorskip("pyarrow")

from wan_streamer.train.data.store.data_set import shard_entry, write_manifest
from wan_streamer.train.data.store.row import to_row
from wan_streamer.train.data.store.shard import write_shard

ALONE = Group(rank=0, size=1, local_rank=0)
WORDS = ("where", "are", "the", "tickets", "please")
BEGIN, WORD, GAP = 40_000, 6_000, 1_600


def said(number: int) -> tuple[HeardWord, ...]:
    """Five words; in the samples each sounds as its number, so that it can be seen where a window has it."""
    starts = [BEGIN + 100 * number + place * (WORD + GAP) for place in range(len(WORDS))]
    return tuple(HeardWord(text, start, start + WORD) for text, start in zip(WORDS, starts, strict=True))


def windows(count: int = 40, *, loud: int = 1) -> SpokenWindows:
    """Conversations of 6 s in which word i is i + 1 all through, times `loud`."""
    runs, values = [], np.zeros((count, 96_000), np.int16)
    for number in range(count):
        words = said(number % 7)
        for place, word in enumerate(words):
            values[number, word.begin : word.end] = (place + 1) * loud
        runs.append([words])
    names = tuple(f"set/{number:06d}" for number in range(count))
    return SpokenWindows(Clips(values.ravel(), 96_000 * np.arange(1, count + 1), names), runs)


def drawn(count: int = 300) -> list[SpokenWindow]:
    made = windows()
    return [made.draw(made.split(0)[0], item_random(0, 0, item)) for item in range(count)]


def heard(window: SpokenWindow, part: SpelledTokens) -> NDArray[np.int16]:
    return window.samples_T[part.first * TOKEN_SAMPLES : part.last * TOKEN_SAMPLES]


def test_each_word_is_spelled_in_its_own_tokens() -> None:
    """What lies between a part's first and last token sounds as just the word that is to be spelled, and whole."""
    spelled_words = set()
    for window in drawn():
        for part in window.spelled:
            sounds = heard(window, part)
            if not part.letters:
                assert not sounds.any()
                continue
            word = "".join(LETTERS[letter] for letter in part.letters)
            assert np.unique(sounds[sounds > 0]).tolist() == [WORDS.index(word.strip()) + 1]
            assert np.count_nonzero(sounds) == WORD
            assert word.startswith(" ") == (word.strip() != WORDS[0])
            spelled_words.add(word.strip())
    assert spelled_words == set(WORDS)


def test_every_word_that_is_heard_whole_is_spelled() -> None:
    """All whose tokens come before the last quarter of a second; what is heard of others is not asked for."""
    for window in drawn():
        spelled_words = {
            WORDS.index("".join(LETTERS[i] for i in part.letters).strip()) + 1
            for part in window.spelled
            if part.letters
        }
        early = window.samples_T[: WINDOW_SAMPLES - RIGHT_SAMPLES[0]]
        whole = {number for number in range(1, 6) if np.count_nonzero(early == number) == WORD}
        # A word that begins with the window has no token before it.
        assert whole - spelled_words <= {int(window.samples_T[EARLY_TOKENS * TOKEN_SAMPLES])}
        assert spelled_words <= whole


def test_the_newest_word_has_as_much_to_its_right_as_in_a_talk() -> None:
    """Between 0.24 and 0.56 s of sound follow it, and every share of that comes."""
    behind = []
    for window in drawn():
        last = max((part.letters and part.last for part in window.spelled), default=0)
        if last:
            newest = next(part for part in window.spelled if part.last == last)
            word = WORDS.index("".join(LETTERS[letter] for letter in newest.letters).strip()) + 1
            behind.append(WINDOW_SAMPLES - 1 - int(np.flatnonzero(window.samples_T == word)[-1]))
    assert min(behind) >= RIGHT_SAMPLES[0] - 1 == RIGHT_TOKENS * TOKEN_SAMPLES - 1
    assert max(behind) < RIGHT_SAMPLES[1]
    assert np.histogram(behind, bins=4, range=RIGHT_SAMPLES)[0].min() > 30


def test_some_windows_are_silent() -> None:
    """What comes before the words spells nothing."""
    silent = [one for one in drawn() if not any(part.letters for part in one.spelled)]
    assert 5 < len(silent) < 40


def test_a_word_has_room_for_its_letters() -> None:
    """One that is said faster than tokens come is not asked for: CTC could never spell it."""
    fast = tuple(HeardWord("mississippi", 40_000 + place * 1600, 41_600 + place * 1600) for place in range(3))
    made = SpokenWindows(Clips(np.zeros(96_000, np.int16), np.asarray([96_000]), ("a/0",)), [[(*fast, *said(3)[1:])]])
    letters = {
        "".join(LETTERS[letter] for letter in part.letters).strip()
        for item in range(60)
        for part in made.draw([(0, 0)], item_random(0, 0, item)).spelled
    }
    assert letters - {""} == set(WORDS[1:])


def test_the_loss_is_ctc_of_each_window_alone() -> None:
    """Windows of other lengths beside it change nothing; a window without letters is to be blank."""
    torch.manual_seed(0)
    chances = torch.randn(3, 20, BLANK + 1, dtype=torch.float64).log_softmax(-1)
    samples = np.zeros(WINDOW_SAMPLES, np.int16)
    spans = [[(2, 12, (3, 3, 7)), (12, 19, ())], [(0, 20, (5,))], [(4, 9, ())]]
    made = [SpokenWindow(samples_T=samples, spelled=tuple(SpelledTokens(*span) for span in window)) for window in spans]
    alone = [
        F.ctc_loss(
            chances[place, a:b, None],
            torch.tensor([letters], dtype=torch.long).reshape(1, -1),
            torch.tensor([b - a]),
            torch.tensor([len(letters)]),
            blank=BLANK,
            reduction="sum",
        )
        for place, window in enumerate(spans)
        for a, b, letters in window
    ]
    assert float(alone[-1]) == pytest.approx(-float(chances[2, 4:9, BLANK].sum()))
    assert float(spelling_loss(chances, made)) == pytest.approx(float(sum(alone)) / (3 + 1 + 1 + 1))


def test_hiding_keeps_the_rest() -> None:
    """At most two bands and two moments become the mean; over many draws each is hidden."""
    torch.manual_seed(0)
    energies = torch.randn(80, 200)
    hidden = torch.zeros(80, 200)
    for seed in range(300):
        made = hide_some(energies.clone(), np.random.default_rng(seed))
        changed = made != energies
        assert changed.float().mean() < 0.5
        assert len(set(made[changed].tolist())) <= 3
        hidden += changed
    assert bool((hidden > 0).all())


def small_recipe(**changes: Any) -> EarRecipe:
    return replace(EarRecipe(name="small-ear", steps=6, batch_size=4, validation_items=4), **changes)


def trainer(recipe: EarRecipe, **changes: Any) -> EarTrainer:
    torch.manual_seed(0)
    arithmetic = Arithmetic(device=torch.device("cpu"), **changes)
    return EarTrainer(recipe, windows(8, loud=900), WhisperEar(), arithmetic, ALONE)


def test_it_learns_and_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """The loss falls; three steps, a checkpoint and three more are six; the weights are an ear that hears the same."""
    whole, half = trainer(small_recipe()), trainer(small_recipe())
    losses = [float(whole.step()["loss"]) for _ in range(6)]
    assert losses[-1] < 0.8 * losses[0]
    for _ in range(3):
        half.step()
    rest = trainer(small_recipe())
    rest.restore(half.state())
    for _ in range(3):
        rest.step()
    for name, tensor in whole.ear.state_dict().items():
        assert torch.equal(tensor, rest.ear.state_dict()[name]), name
    assert whole.validate() == rest.validate()
    assert 0 < whole.validate()["letters"] < 10
    file = tmp_path / "ear.safetensors"
    file.write_bytes(whole.weights({"seed": "0"}))
    shipped, kept = load_whisper_ear(file).state_dict(), whole.ema.module.state_dict()
    assert restored(shipped).keys() == kept.keys()
    for name, tensor in kept.items():
        assert torch.allclose(shipped[name], tensor, atol=float(tensor.abs().max()) / 100), name
    again = trainer(small_recipe())
    again.start_from(file)
    assert torch.equal(again.ear.encoder.enter.weight, shipped["encoder.enter.weight"])


def test_a_data_set_gives_its_words(tmp_path: Path) -> None:
    """The words of a set's visitors where the microphone heard them; a held-out set is refused."""
    folder = tmp_path / "set"
    folder.mkdir()
    conversation = small_conversation("c0", words=4)
    write_shard(folder / "shard-00000.parquet", [to_row(conversation)])
    write_manifest(folder, {}, [shard_entry(folder / "shard-00000.parquet")])
    made = spoken_windows(list_heard([folder]), tmp_path / "cache")
    runs, _ = made.split(0)
    letters = {
        letter
        for item in range(20)
        for part in made.draw(runs, item_random(0, 0, item)).spelled
        for letter in part.letters
    }
    assert letters <= set(
        spelled(" ".join(event.text for event in conversation.script.events if hasattr(event, "text")))
    )
    assert letters
    write_manifest(folder, {"splits": {"voices": "held_out"}}, [shard_entry(folder / "shard-00000.parquet")])
    with pytest.raises(InvalidInput, match="held_out"):
        list_heard([folder])
