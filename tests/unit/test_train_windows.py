"""Windows of encoded conversations: what a step holds, and what cannot be drawn."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.encoded import tiny_model, write_encoded
from wan_streamer.errors import InvalidInput
from wan_streamer.train.encoded_set import INDEX, EncodedSet, path_of
from wan_streamer.train.model_recipe import ModelRecipe, TaskConfig
from wan_streamer.train.model_trainer import ModelTask
from wan_streamer.train.windows import AFTER_TURN_UNITS, BEFORE_TURN_UNITS, HEARD_UNITS, VALIDATION_STEP, Windows
from wan_streamer.train.words import NOTHING

_, SPEAK, CONVERSE = tiny_model().tasks


def test_a_step_is_a_function_of_its_number_and_items(tmp_path: Path) -> None:
    """The same step twice is the same, another differs, and an item is the same whoever else is in the batch."""
    windows = Windows(EncodedSet(write_encoded(tmp_path / "set")).conversations, CONVERSE)
    recipe = tiny_model()
    one, again, next_step = (windows.batch(recipe, step, range(4)) for step in (3, 3, 4))
    alone = windows.batch(recipe, 3, [2])
    for name in ("seen", "heard", "words", "audio", "video", "tau", "audio_noise", "video_noise"):
        assert torch.equal(getattr(one, name), getattr(again, name)), name
        assert torch.equal(getattr(one, name)[2:3], getattr(alone, name)), name
    assert torch.equal(one.noisy_units, alone.noisy_units)
    assert not torch.equal(one.audio_noise, next_step.audio_noise)


def test_windows_of_turns_hold_all_of_a_turn(tmp_path: Path) -> None:
    """A turn (units 8 to 15) is drawn from its first word's unit to the silence behind it, and nothing farther."""
    windows = Windows(EncodedSet(write_encoded(tmp_path / "set", count=1)).conversations, SPEAK)
    whole = EncodedSet(tmp_path / "set").conversations[0]
    places = {piece["audio"].tobytes(): first for first in range(15) for piece in [whole[first : first + SPEAK.units]]}
    drawn = {places[windows.draw(np.random.default_rng(seed))["audio"].tobytes()] for seed in range(100)}
    assert drawn == set(range(8 - BEFORE_TURN_UNITS, 16 + AFTER_TURN_UNITS - SPEAK.units + 1))


def test_long_turns_are_drawn_more_often(tmp_path: Path) -> None:
    """Turns of 3 and 21 units, 8 and 26 with what is around them: each unit of speech is learned as often."""
    whole = np.zeros(60, EncodedSet(write_encoded(tmp_path / "set", count=1)).conversations[0].dtype)
    whole["speaks"][10:13] = whole["speaks"][30:51] = True
    whole["audio"][:20] = 1
    windows = Windows([whole], SPEAK)
    short = sum(windows.draw(np.random.default_rng(seed))["audio"].max() == 1 for seed in range(400))
    assert short / 400 == pytest.approx(8 / 34, abs=0.07)


def test_what_is_often_said_is_drawn_with_the_root_of_its_number(tmp_path: Path) -> None:
    """Of five equally long turns four say the same: they are two thirds of the windows (4 / sqrt(4) to 1), not 80 %."""
    whole = np.zeros(150, EncodedSet(write_encoded(tmp_path / "set", count=1)).conversations[0].dtype)
    for begin in range(10, 150, 30):
        whole["speaks"][begin : begin + 10] = True
        whole["words"][begin : begin + 10, 0] = 5
    whole["words"][130:140] = whole["audio"][120:150] = 1
    windows = Windows([whole], SPEAK)
    rare = sum(windows.draw(np.random.default_rng(seed))["audio"].max() == 1 for seed in range(400))
    assert rare / 400 == pytest.approx(1 / 3, abs=0.07)


@pytest.mark.parametrize(("where", "name"), [("question", "said"), ("action", "noticed")])
def test_windows_around_what_visitors_do_hold_some_of_it(tmp_path: Path, where: str, name: str) -> None:
    """Words in units 20 to 24, 26 to 28 (one question) and 60: each window has some, and both stretches are drawn."""
    whole = np.zeros(100, EncodedSet(write_encoded(tmp_path / "set", count=1)).conversations[0].dtype)
    whole[name][:, 1] = NOTHING
    whole[name][[*range(20, 24), *range(26, 29), 60], 1] = 7
    whole["heard"][:, 0, 0] = np.arange(100)
    task = dataclasses.replace(CONVERSE, units=9, noisy_units=2, where=where)
    windows = Windows([whole], task)
    drawn = [windows.draw(np.random.default_rng(seed)) for seed in range(200)]
    assert all((window[name][:, 1] == 7).any() for window in drawn)
    assert {int(window["heard"][0, 0, 0]) for window in drawn} == {*range(18, 24), 58}


def test_what_a_task_leaves_out_is_not_there(tmp_path: Path) -> None:
    """A task that only speaks has no user streams and no pictures."""
    batch = Windows(EncodedSet(write_encoded(tmp_path / "set")).conversations, SPEAK).batch(tiny_model(), 0, range(2))
    assert batch.heard is None
    assert batch.seen is None
    assert batch.video is None
    assert batch.audio is not None


def test_blank_users_are_as_many_as_asked_for(tmp_path: Path) -> None:
    """With `drop_user` 1 nobody is heard or seen, with 0 everybody is."""
    windows = Windows(EncodedSet(write_encoded(tmp_path / "set")).conversations, CONVERSE)
    for share in (0.0, 1.0):
        batch = windows.batch(dataclasses.replace(tiny_model(), drop_user=share), 0, range(6))
        for part in (batch.heard, batch.seen):
            assert part is not None
            assert bool((part.flatten(1).abs().sum(1) == 0).all()) == (share == 1.0)


def test_windows_without_words_are_as_many_as_asked_for(tmp_path: Path) -> None:
    """With `drop_text` 1 no window has a text token, not even LISTEN; with 0 every unit has one."""
    windows = Windows(EncodedSet(write_encoded(tmp_path / "set")).conversations, CONVERSE)
    for share in (0.0, 1.0):
        batch = windows.batch(dataclasses.replace(tiny_model(), drop_text=share), 0, range(6))
        assert bool((batch.words[:, :, 0] >= 0).any()) == bool((batch.words[:, :, 0] >= 0).all()) == (share == 0.0)


def test_a_dialogue_is_both_sides_words_and_nothing_else(tmp_path: Path) -> None:
    """The visitor's words in units 4 to 7, the agent's in 8 to 11, LISTEN elsewhere; nobody is heard."""
    task = dataclasses.replace(
        SPEAK, units=20, noisy_units=0, hears=True, speaks=False, text="dialogue", where="anywhere"
    )
    whole = EncodedSet(write_encoded(tmp_path / "set", count=1)).conversations[0]
    batch = Windows([whole], task).batch(dataclasses.replace(tiny_model(), drop_user=0.0), 0, range(1))
    expected = np.concatenate([whole["said"][:8], whole["words"][8:]])
    assert batch.words[0].tolist() == expected.tolist()
    assert batch.heard is not None
    assert not bool(batch.heard.any())
    assert batch.audio is None


def test_held_out_conversations_are_not_learned_from(tmp_path: Path) -> None:
    """Every second conversation is held out; no window of a training step comes from one."""
    sets = [EncodedSet(write_encoded(tmp_path / "set", count=6))]
    task = ModelTask(dataclasses.replace(tiny_model(), heldout_every=2), sets)
    kept = {one["audio"].tobytes() for one in sets[0].conversations[::2]}
    random = np.random.default_rng(0)
    for windows, expected in ((task.training[1], False), (task.heldout[1], True)):
        for _ in range(20):
            piece = windows.draw(random)["audio"].tobytes()
            assert any(piece in whole for whole in kept) == expected


def refused(match: str, conversations: list[np.ndarray], task: TaskConfig) -> None:
    with pytest.raises(InvalidInput, match=match):
        Windows(conversations, task)


def test_too_short_and_without_pictures_is_said(tmp_path: Path) -> None:
    """A task longer than any conversation, and one that wants pictures that are not there, are refused by name."""
    sound = list(EncodedSet(write_encoded(tmp_path / "sound", pictures=False)).conversations)
    refused("no conversation of 50 units", sound, dataclasses.replace(SPEAK, units=50))
    refused("without pictures for the task 'converse'", sound, CONVERSE)


def test_a_damaged_set_is_said(tmp_path: Path) -> None:
    """No index, a missing file, a cut-off file: each names what is wrong and what makes it."""
    folder = write_encoded(tmp_path / "set")
    with path_of(folder, 1).open("r+b") as file:
        file.truncate(200)
    with pytest.raises(InvalidInput, match=r"000001\.npy"):
        _ = EncodedSet(folder).conversations
    path_of(folder, 1).unlink()
    with pytest.raises(InvalidInput, match=r"000001\.npy"):
        _ = EncodedSet(folder).conversations
    (folder / INDEX).unlink()
    with pytest.raises(InvalidInput, match="data encode"):
        _ = EncodedSet(folder).conversations


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"units": 0}, "below 1"),
        ({"noisy_units": 99}, "beyond the units"),
        ({"speaks": False, "shows": False}, "without latents"),
        ({"sees": True, "hears": False}, "sees and does not hear"),
        ({"borrows": True}, "makes media"),
        ({"where": "interruption"}, "do not borrow"),
    ],
)
def test_tasks_that_cannot_be_are_refused(changes: dict[str, object], match: str) -> None:
    """A configuration that means nothing fails when it is made."""
    with pytest.raises(ValueError, match=match):
        dataclasses.replace(SPEAK, **changes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no tasks"):
        ModelRecipe(name="none", model=tiny_model().model, steps=1, tasks=())


def test_questions_borrow_the_streams_of_a_silent_agent(tmp_path: Path) -> None:
    """What is heard and written comes from one conversation, sound and pictures from the silence of another: all of a
    window before the agent's voice, some windows ending earlier."""
    pictured = EncodedSet(write_encoded(tmp_path / "pictured", count=2)).conversations
    asked = EncodedSet(write_encoded(tmp_path / "asked", count=3, pictures=False, sound=False)).conversations
    task = TaskConfig(name="meet", batch_size=40, units=4, sees=True, shows=True, where="question", borrows=True)
    windows = Windows([*pictured, *asked], task)
    batch = windows.batch(dataclasses.replace(tiny_model(), drop_user=0.0), 0, range(40))
    assert batch.audio is not None
    assert batch.video is not None
    assert batch.seen is not None
    # Units 4 to 7 are a question's, 8 to 15 the agent's voice.
    silent = [one[first : first + 4] for one in pictured for first in (0, 16)]
    for place in range(40):
        [lender] = [one for one in silent if np.array_equal(one["audio"].astype(np.float32), batch.audio[place])]
        assert np.array_equal(lender["video"].astype(np.float32), batch.video[place])
        assert np.array_equal(lender["seen"].astype(np.float32), batch.seen[place])
    # Its words begin with its voice here.
    assert bool((batch.words[..., 1] == NOTHING).all())
    refused("in which the agent is silent", list(asked), task)


def test_questions_interrupt_a_lent_agent(tmp_path: Path) -> None:
    """Where the lender's agent was interrupted, the question of the window begins: what was said before is seen and not
    learned, silence after it is."""
    asked = EncodedSet(write_encoded(tmp_path / "asked", count=3, pictures=False, sound=False)).conversations
    lender = np.zeros(60, EncodedSet(write_encoded(tmp_path / "lent", count=1)).conversations[0].dtype)
    for name in ("audio", "video", "seen"):
        lender[name] = np.random.default_rng(1).standard_normal(lender[name].shape)
    for name in ("words", "said", "noticed"):
        lender[name] = NOTHING
    # Words at 24 and 27, heard until 31; the question's first word ends in unit 30, the next answer begins in 44.
    lender["words"][[24, 27], 1] = 7
    lender["speaks"][26:32] = lender["speaks"][46:] = True
    lender["said"][30:36, 1] = 7
    lender["words"][44:50, 1] = 7
    task = TaskConfig(name="yield", batch_size=40, units=8, sees=True, shows=True, where="interruption", borrows=True)
    windows = Windows(asked, task, lenders=[lender])
    batch = windows.batch(dataclasses.replace(tiny_model(), drop_user=0.0), VALIDATION_STEP, range(40))
    assert batch.audio is not None
    assert batch.heard is not None
    assert batch.learns_words is not None
    firsts = set()
    for place in range(40):
        heard = batch.heard[place].numpy()
        [first] = {
            first
            for one in asked
            for first in range(len(one) - 7)
            if np.array_equal(one["heard"][first : first + 8].astype(np.float32), heard)
        }
        begin = 30 - (4 - first)
        assert np.array_equal(lender["audio"][begin : begin + 8].astype(np.float32), batch.audio[place].numpy())
        wrote = [begin + unit in (24, 27) for unit in range(8)]
        assert (batch.words[place, :, 1] != NOTHING).tolist() == wrote
        assert batch.learns_words[place].tolist() == [first + unit >= 4 + HEARD_UNITS for unit in range(8)]
        firsts.add(first)
    assert firsts == {0}
    refused("in which the agent is interrupted", [*asked, *EncodedSet(tmp_path / "lent").conversations], task)


def test_silence_borrows_from_another_silence(tmp_path: Path) -> None:
    """Windows from anywhere that borrow lie where the agent is silent and no question waits; sound is not needed."""
    pictured = EncodedSet(write_encoded(tmp_path / "pictured", count=1)).conversations
    heard = EncodedSet(write_encoded(tmp_path / "heard", count=3, pictures=False, sound=False)).conversations
    task = TaskConfig(name="wait", batch_size=40, units=3, sees=True, shows=True, borrows=True)
    windows = Windows([*pictured, *heard], task)
    batch = windows.batch(dataclasses.replace(tiny_model(), drop_user=0.0), 0, range(40))
    assert batch.heard is not None
    silent = {
        one["heard"][first : first + 3].astype(np.float32).tobytes()
        for one in (*pictured, *heard)
        for first in range(len(one) - 2)
        # Units 4 to 7 are a question's, 8 to 15 its answer.
        if first + 3 <= 4 or first >= 16
    }
    drawn = {place.numpy().tobytes() for place in batch.heard}
    assert drawn <= silent
    assert len(drawn) > 8
    assert bool((batch.words[..., 1] == NOTHING).all())


def test_words_that_went_on_before_a_window_are_seen_and_not_learned(tmp_path: Path) -> None:
    """The agent's turn that a window begins in, and answers to nobody, have no loss; what is said after them has."""
    conversations = EncodedSet(write_encoded(tmp_path / "set", count=2)).conversations
    task = TaskConfig(name="attend", batch_size=40, units=12, speaks=False)
    recipe = dataclasses.replace(tiny_model(), drop_user=0.5)
    batch = Windows(conversations, task).batch(recipe, 0, range(100))
    assert batch.learns_words is not None
    assert batch.heard is not None
    speaks = {
        one["heard"][k].astype(np.float32).tobytes(): one["speaks"][k] for one in conversations for k in range(len(one))
    }
    mid_turn = blank = 0
    for heard, learns in zip(batch.heard, batch.learns_words, strict=True):
        if not heard.any():
            assert not learns.any()
            blank += 1
            continue
        went_on = int(np.argmin([speaks[unit.numpy().tobytes()] for unit in heard]))
        assert learns.tolist() == [place >= went_on for place in range(12)]
        mid_turn += went_on > 0
    assert blank > 5
    assert mid_turn > 2


def test_sets_without_the_agents_sound_are_for_hearing(tmp_path: Path) -> None:
    """Tasks that speak take their windows from other sets, and say so where there is none."""
    sounding = EncodedSet(write_encoded(tmp_path / "sounding", count=2))
    heard = EncodedSet(write_encoded(tmp_path / "heard", pictures=False, sound=False))
    task = ModelTask(dataclasses.replace(tiny_model(), heldout_every=2), [sounding, heard])
    spell, speak = task.training[:2]
    assert len(spell._conversations) == 3
    assert len(speak._conversations) == 1
    # A step may hold windows of both.
    heard_of_both = spell.batch(tiny_model(), 0, range(12)).heard
    assert heard_of_both is not None
    assert len(heard_of_both) == 12
    with pytest.raises(InvalidInput, match="without the agent's sound"):
        Windows(heard.conversations, SPEAK)


def test_sound_whose_words_are_not_there_is_not_learned(tmp_path: Path) -> None:
    """Windows that begin in the agent's turn: what is said in their first units was written before them."""
    conversations = EncodedSet(write_encoded(tmp_path / "data", count=1)).conversations
    # The agent speaks in units 8 to 15.
    task = TaskConfig(name="speak", batch_size=40, units=6, noisy_units=6, hears=False)
    recipe = dataclasses.replace(tiny_model(), drop_user=0.0)
    batch = Windows(conversations, task).batch(recipe, 0, range(40))
    assert batch.learns_media is not None
    assert batch.audio is not None
    all_sound = torch.from_numpy(conversations[0]["audio"].astype(np.float32))
    firsts = set()
    for place in range(40):
        [first] = [k for k in range(len(all_sound) - 5) if torch.equal(all_sound[k : k + 6], batch.audio[place])]
        speaks = [8 <= first + unit < 16 for unit in range(6)]
        expected = [not (speaks[unit] and unit < 3) for unit in range(6)]
        assert batch.learns_media[place].tolist() == expected
        firsts.add(first)
    assert {6, 9, 14} & firsts
