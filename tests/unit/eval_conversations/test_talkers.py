"""Talkers without a model, and the model as the engine serves it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.conversations import small_conversation
from tests.support.tiny import tiny_config
from tests.unit.eval_codec.made_up_codecs import small_audio_codec, small_video_codec
from wan_streamer.engine.exchange import UserInput
from wan_streamer.engine.schedule import Duplex
from wan_streamer.eval.conversations.talkers.model_talker import ModelTalker
from wan_streamer.eval.conversations.talkers.said import COMMON_DELAY_US, SayTheCommon, say_nothing, say_the_truth
from wan_streamer.eval.conversations.talkers.scripted_talker import Codecs, ScriptedTalker
from wan_streamer.eval.conversations.talkers.unit_samples import units_at
from wan_streamer.model.presets import untrained
from wan_streamer.train.data.conversation import AGENT_RATE_HZ, USER_RATE_HZ
from wan_streamer.train.data.make import seed_of
from wan_streamer.train.data.pictures import Pictures
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.unit import FRAMES_PER_UNIT

NO_HEADS = Path("no heads are needed without films")


def codecs() -> Codecs:
    return Codecs(audio=small_audio_codec(), video=small_video_codec(), files={"a": "1"})


def test_the_truth_says_its_words_where_they_begin() -> None:
    """Sound is the conversation's, resampled; every word stands in the unit in which it begins; no pictures."""
    conversation = small_conversation()
    talker = ScriptedTalker(say_the_truth, codecs(), NO_HEADS, is_moving=True, is_coded=False)
    units = list(talker.talk([conversation], film=False))
    assert [unit.unit_index for unit in units] == list(range(conversation.unit_count))
    assert [unit.text.split() for unit in units] == [list(u.agent_words) for u in conversation.timeline.units]
    sound = np.concatenate([unit.audio for unit in units]) / 32767
    expected = units_at(conversation.agent_audio, AGENT_RATE_HZ, talker.rate_hz).reshape(-1)
    assert np.abs(sound - expected).max() < 1e-4
    assert {len(unit.video) for unit in units} == {0}
    assert "".join(unit.text for unit in units).split() == ["because", "we", "say"]


def test_coded_talks_follow_from_the_codecs_files() -> None:
    """Through the codecs the sound is another, as long; what was not coded does not follow from their files."""
    conversation = small_conversation()
    coded = ScriptedTalker(say_the_truth, codecs(), NO_HEADS, is_moving=True)
    plain = ScriptedTalker(say_the_truth, codecs(), NO_HEADS, is_moving=True, is_coded=False)
    first, second = (np.concatenate([u.audio for u in t.talk([conversation], film=False)]) for t in (coded, plain))
    assert first.shape == second.shape
    assert np.abs(first.astype(int) - second).max() > 100
    assert (coded.made_from, plain.made_from) == ({"a": "1"}, {})


def test_silence_is_digital() -> None:
    """Not a sample is heard, not a word is written."""
    talker = ScriptedTalker(say_nothing, codecs(), NO_HEADS, is_moving=False, is_coded=False)
    for unit in talker.talk([small_conversation()], film=False):
        assert not unit.audio.any()
        assert unit.text == ""


def test_the_common_answer_comes_after_every_turn() -> None:
    """It begins 0.6 s after the turn's end, is cut off at the end of the conversation, and so are its words."""
    conversation = small_conversation()
    (turn,) = [u for u in conversation.timeline.utterances if u.event.id == "user-1"]
    clip = SpokenClip(
        voice="v",
        text="yes of course",
        sample_rate_hz=AGENT_RATE_HZ,
        samples=np.full(AGENT_RATE_HZ * 5, 0.5, np.float32),
        words=((0, 200_000), (400_000, 600_000), (4_800_000, 5_000_000)),
        phones=(),
    )
    said = SayTheCommon(clip)(conversation)
    begin = (turn.end_us + COMMON_DELAY_US) * AGENT_RATE_HZ // 1_000_000
    assert np.flatnonzero(said.samples)[0] == begin
    assert said.samples[begin:].all()
    assert len(said.samples) == len(conversation.agent_audio)
    assert " ".join(said.words).split() == ["yes", "of"]


def test_several_conversations_are_one_session() -> None:
    """Units are counted through, and the codec goes on: the second's first unit is not what it is alone."""
    first, second = small_conversation("one"), small_conversation("two", words=6, seed=1)
    talker = ScriptedTalker(say_the_truth, codecs(), NO_HEADS, is_moving=True)
    both = list(talker.talk([first, second], film=False))
    alone = next(iter(talker.talk([second], film=False)))
    assert [unit.unit_index for unit in both] == list(range(first.unit_count + second.unit_count))
    assert not np.array_equal(both[first.unit_count].audio, alone.audio)


def test_units_have_the_wanted_rate() -> None:
    """Whole units, as many, at another rate; the same rate changes nothing."""
    samples = np.random.default_rng(0).random(3 * 2560).astype(np.float32)
    assert units_at(samples, 16_000, 8_000).shape == (3, 1280)
    assert np.array_equal(units_at(samples, 16_000, 16_000).reshape(-1), samples)


def test_the_model_is_the_engine(heads_folder: Path) -> None:
    """Its units are those of the engine's own loop, fed with the conversation's sound and drawn pictures."""
    config = tiny_config()
    config = dataclasses.replace(config, user_audio=dataclasses.replace(config.user_audio, sample_rate_hz=16_000))
    model = untrained(config, 0)
    conversation = small_conversation()
    talked = list(ModelTalker(model, heads_folder, 5).talk([conversation], film=True))
    duplex = Duplex(model)
    session = duplex.open(seed_of(f"5 {conversation.script.name}"))
    sounds = units_at(conversation.user_audio, USER_RATE_HZ, 16_000)
    with Pictures(heads_folder, height=32, width=32) as pictures, torch.inference_mode():
        frames = np.stack(list(pictures.visitors(conversation, range(3 * FRAMES_PER_UNIT))))
    for unit_index, found in enumerate(talked[:3]):
        seen = frames[unit_index * FRAMES_PER_UNIT :][:FRAMES_PER_UNIT]
        expected = duplex.step(session, UserInput(unit_index=unit_index, audio=sounds[unit_index], video=seen))
        assert np.array_equal(found.audio, expected.audio)
        assert np.array_equal(found.video, expected.video)
        assert found.text == expected.text
    assert len(talked) == conversation.unit_count


@pytest.mark.parametrize("film", [True])
def test_the_truth_moves_and_the_baselines_stand_still(heads_folder: Path, film: bool) -> None:
    """The script's pictures change; those of who only knows one answer do not."""
    conversation = small_conversation()
    moving, still = (
        ScriptedTalker(say_nothing, codecs(), heads_folder, is_moving=is_moving, is_coded=False)
        for is_moving in (True, False)
    )
    first, second = (next(iter(talker.talk([conversation], film=film))).video for talker in (moving, still))
    assert first.shape == second.shape == (FRAMES_PER_UNIT, 32, 32, 3)
    assert not np.array_equal(first[0], first[3])
    assert np.array_equal(second[0], second[3])
    assert np.array_equal(first[0], second[0])
