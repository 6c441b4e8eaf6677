"""Which talks are made, from which conversations, and that talks of something else are refused."""

from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="conversations are read from Parquet")

from tests.support.conversations import small_conversation
from tests.unit.eval_codec.made_up_codecs import small_audio_codec, small_video_codec
from wan_streamer.errors import InvalidInput
from wan_streamer.eval.conversations.held_out import HeldOut, choose_conversations
from wan_streamer.eval.conversations.make_talks import long_job, make_talk, most_common_answer, usual_jobs
from wan_streamer.eval.conversations.options import ConverseOptions
from wan_streamer.eval.conversations.origin import remarks
from wan_streamer.eval.conversations.talk_folder import TalkFolder
from wan_streamer.eval.conversations.talkers.said import say_the_truth
from wan_streamer.eval.conversations.talkers.scripted_talker import Codecs, ScriptedTalker
from wan_streamer.train.data.events import UserTurn
from wan_streamer.train.data.store.data_set import shard_entry, write_manifest
from wan_streamer.train.data.store.row import to_row
from wan_streamer.train.data.store.shard import write_shard


def data_set(folder: Path, *, unknown: dict[str, list[str]] | None = None) -> Path:
    """Three conversations."""
    folder.mkdir()
    shard = folder / "shard-00000.parquet"
    write_shard(shard, iter([to_row(small_conversation(f"c-{index}", seed=index)) for index in range(3)]))
    header = {"kept_out_of_training": {"held_out": {"phrasings": unknown or {}}}, "splits": {"voices": "held_out"}}
    write_manifest(folder, header, [shard_entry(shard)])
    return folder


def test_conversations_of_several_data_sets_have_names_of_their_own(tmp_path: Path) -> None:
    """The first of each, under the data set's name; two of the same name are refused."""
    first, second = data_set(tmp_path / "a"), data_set(tmp_path / "b")
    chosen = choose_conversations([first, second], 2)
    assert [one.name for one in chosen] == ["a.c-0", "a.c-1", "b.c-0", "b.c-1"]
    assert chosen[1].conversation().script.name == "c-1"
    with pytest.raises(InvalidInput, match="rename"):
        choose_conversations([first, first], None)


def test_phrasings_are_known_by_the_manifest(tmp_path: Path) -> None:
    """What the manifest keeps out of training is unknown, for its own intent only."""
    for unknown, expected in (({"hours": ["why"]}, True), ({"tickets": ["why"]}, False)):
        one = choose_conversations([data_set(tmp_path / str(expected), unknown=unknown)], 1)[0]
        turn = one.conversation().script.events[0]
        assert isinstance(turn, UserTurn)
        assert ((turn.intent, turn.phrasing) in one.unknown_phrasings) == expected


def test_jobs_and_their_films(tmp_path: Path) -> None:
    """A talk for each system and conversation; the model has films of all; the long one is filled."""
    chosen = choose_conversations([data_set(tmp_path / "a")], None)
    jobs = list(usual_jobs(tmp_path, ["model", "truth"], chosen, 1))
    assert [(job.system, job.film) for job in jobs] == [("model", True), ("truth", True)] + [
        ("model", True), ("truth", False),
    ] * 2  # fmt: skip
    assert jobs[0].folder == tmp_path / "talks" / "model" / "a.c-0"
    units = chosen[0].conversation().unit_count
    assert [len(long_job(tmp_path, "model", chosen, count).parts) for count in (1, units + 1, 10_000)] == [1, 2, 3]
    assert most_common_answer(chosen) == "because we say"


def speaker(about: str = "") -> ScriptedTalker:
    """The truth, without codecs and without faces."""
    codecs = Codecs(audio=small_audio_codec(), video=small_video_codec(), files={})
    return ScriptedTalker(
        say_the_truth, codecs, Path("none"), is_moving=True, is_coded=False, about={"voice": about} if about else {}
    )


def test_a_talk_is_made_once_and_not_from_something_else(tmp_path: Path) -> None:
    """The second time nothing is written; what was made from another voice is refused, and the message names it."""
    chosen = choose_conversations([data_set(tmp_path / "a")], 1)
    (job,) = usual_jobs(tmp_path, ["truth"], chosen, 0)
    make_talk(job, speaker())
    written = (job.folder / "agent.flac").stat().st_mtime_ns
    assert TalkFolder(job.folder).read().text == "because we say"
    make_talk(job, speaker())
    assert (job.folder / "agent.flac").stat().st_mtime_ns == written
    with pytest.raises(InvalidInput, match="another voice, expected the same"):
        make_talk(job, speaker("deep"))


def test_no_question_is_no_data() -> None:
    """Without a conversation there is no most frequent answer."""
    nobody: list[HeldOut] = []
    with pytest.raises(InvalidInput, match="without a question"):
        most_common_answer(nobody)


def test_known_voices_are_told(tmp_path: Path) -> None:
    """Data whose faces are not of the held-out split is named in the report."""
    found = list(remarks(ConverseOptions(data=(data_set(tmp_path / "a"),), out=tmp_path), (), 0))
    assert found[0] == "**a is no held-out data**: its faces are not of that split."
