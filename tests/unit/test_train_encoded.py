"""Encoding a conversation: each unit's record is what the model hears, says and writes in just that unit."""

import os
import resource
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch

from tests.support.conversations import small_conversation
from wan_streamer.errors import InvalidInput
from wan_streamer.model.presets import nano, untrained
from wan_streamer.model.vocabulary import TextStream, vocabulary_named
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.train.data.conversation import AGENT_RATE_HZ
from wan_streamer.train.data.pictures import Pictures
from wan_streamer.train.encode_command import random_of
from wan_streamer.train.encoded import BLOCK_UNITS, LEAD_US, NOTICE_US, Encoder
from wan_streamer.train.encoded_set import EncodedSet, path_of, write_index, write_records
from wan_streamer.train.video_data import as_frames
from wan_streamer.train.words import NOTHING
from wan_streamer.unit import FRAME_US, FRAMES_PER_UNIT, UNIT_US

pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def model() -> WanStreamer:
    return untrained(nano(), 0)


def texts_of(tokens: np.ndarray) -> list[str]:
    stream = TextStream(vocabulary_named("nano"))
    return [stream.feed([token for token in row if token != NOTHING]) for row in tokens.tolist()]


def test_a_record_holds_its_own_unit(model: WanStreamer) -> None:
    """What is heard and said in a unit is what the ear and the codec make of a conversation that ends with it."""
    conversation = small_conversation(words=6)
    records = Encoder(model, None).encode(conversation)
    assert len(records) == conversation.unit_count
    until = 9
    with torch.inference_mode():
        heard = model.hear(torch.from_numpy(conversation.user_audio[: until * 2560])[None])[0]
        agent = soxr.resample(conversation.agent_audio, AGENT_RATE_HZ, 16_000)[: until * 2560]
        audio = model.encode_audio(torch.from_numpy(agent)[None])[0].unflatten(0, (-1, 4))
    np.testing.assert_allclose(records["heard"][:until], heard.numpy(), rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(records["audio"][:until], audio.numpy(), rtol=2e-3, atol=2e-3)


def test_words_come_before_they_are_said_and_after_they_are_heard(model: WanStreamer) -> None:
    """The agent's words are written LEAD_US before their sound, the visitor's in the unit in which they end."""
    conversation = small_conversation(words=6)
    records = Encoder(model, None).encode(conversation)
    spoken, asked = conversation.timeline.agent_turns()[0], conversation.timeline.utterances[0]
    written, heard = texts_of(records["words"]), texts_of(records["said"])
    assert "".join(written) == " because we say"
    assert "".join(heard) == " why" * 6
    first = next(unit for unit, text in enumerate(written) if text)
    assert first == (spoken.words[0].begin_us - LEAD_US) // UNIT_US
    assert next(unit for unit, text in enumerate(heard) if text) == asked.words[0].end_us // UNIT_US
    speaks = np.flatnonzero(records["speaks"])
    # A unit counts from 40 ms on.
    assert speaks[0] == (spoken.begin_us + 3 * FRAME_US) // UNIT_US


def test_what_is_heard_alone_is_the_same(model: WanStreamer) -> None:
    """Without the agent's sound a record has all else as it was."""
    conversation, encoder = small_conversation(words=6, shows_card=True), Encoder(model, None)
    for variant in (0, 3):
        whole = encoder.encode(conversation, random_of(variant, 7))
        heard = encoder.encode_heard(conversation.timeline, conversation.user_audio, random_of(variant, 7))
        assert set(whole.dtype.names or ()) - set(heard.dtype.names or ()) == {"audio"}
        for name in heard.dtype.names or ():
            np.testing.assert_array_equal(heard[name], whole[name])


def test_what_visitors_do_is_named_when_it_can_be_seen(model: WanStreamer) -> None:
    """A red card from 600 ms on is named NOTICE_US later, once; without one nothing is."""
    records = Encoder(model, None).encode(small_conversation(words=6, shows_card=True))
    named = texts_of(records["noticed"])
    assert "".join(named) == " show card red"
    assert next(unit for unit, text in enumerate(named) if text) == (600_000 + NOTICE_US) // UNIT_US
    assert "".join(texts_of(Encoder(model, None).encode(small_conversation())["noticed"])) == ""


def test_pictures_go_through_the_codec_block_by_block(model: WanStreamer, heads_folder: Path) -> None:
    """Longer than a block, the latents of both sides are those of the whole films in one call."""
    conversation = small_conversation(words=20)
    assert conversation.unit_count > BLOCK_UNITS
    records = Encoder(model, heads_folder).encode(conversation)
    frames = range(conversation.unit_count * FRAMES_PER_UNIT)
    config = model.config.agent_video
    with Pictures(heads_folder, height=config.height, width=config.width) as pictures, torch.inference_mode():
        sides = {
            "video": pictures.agent(conversation, frames),
            "seen": pictures.visitors(conversation, frames),
        }
        for name, drawn in sides.items():
            film = np.stack(list(drawn))
            units = as_frames(film.reshape(-1, FRAMES_PER_UNIT, *film.shape[1:]))
            whole = model.encode_video(units[None])[0].numpy()
            np.testing.assert_allclose(records[name], whole, rtol=2e-3, atol=2e-3)


def test_without_codecs_there_is_no_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preset whose codecs do not ship is refused before anything is written."""
    pytest.importorskip("pyarrow")
    from rich.console import Console

    from wan_streamer.train.data.store.data_set import shard_entry, write_manifest
    from wan_streamer.train.data.store.row import to_row
    from wan_streamer.train.data.store.shard import write_shard
    from wan_streamer.train.encode_command import EncodeOptions, encode

    shard = tmp_path / "set" / "shard-00000.parquet"
    shard.parent.mkdir()
    write_shard(shard, [to_row(small_conversation())])
    write_manifest(shard.parent, {}, [shard_entry(shard)])
    # The large presets have too many parameters to be made here.
    monkeypatch.setattr("wan_streamer.train.encode_command.use_shipped_senses", lambda model: False)
    with pytest.raises(InvalidInput, match="whose codecs ship"):
        encode(EncodeOptions(data=shard.parent, out=tmp_path / "out"), Console(quiet=True))
    assert not (tmp_path / "out").exists()


def test_a_set_may_have_more_files_than_a_shell_lets_a_program_open(tmp_path: Path) -> None:
    """Sixty conversations where forty more files may be open."""
    for number in range(60):
        write_records(path_of(tmp_path, number), np.full(1, number, np.dtype([("unit", np.int32)])))
    write_index(tmp_path, {"count": 60})
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 40, before[1]))
    try:
        assert [int(one["unit"][0]) for one in EncodedSet(tmp_path).conversations] == list(range(60))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
