"""Making data sets: what is there is not made again, other scripts are refused, and nothing is half done."""

from pathlib import Path

import pytest
from rich.console import Console

from tests.support.conversations import small_conversation, small_script
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.agent import default_agent
from wan_streamer.train.data.sources.cache import DataCache, default_root

pytest.importorskip("pyarrow")
pytest.importorskip("scipy")

from wan_streamer.train.data.store.data_set import DataSet, write_manifest
from wan_streamer.train.data.store.render import Rendered, render
from wan_streamer.train.data.store.row import to_row
from wan_streamer.train.data.store.shard import Shard, write_shard

VOICES = default_root() / "unpacked"


def made(folder: Path, cache: Path, names: list[str]) -> Rendered:
    scripts = [small_script(name) for name in names]
    return render(
        scripts, folder, DataCache(cache), default_agent(), per_shard=2, processes=1, console=Console(quiet=True)
    )


def test_whole_shards_are_kept(tmp_path: Path) -> None:
    """With all shards there nothing is made: no voice is needed, and the bytes stay."""
    names = ["a", "b", "c"]
    for number, inside in enumerate((names[:2], names[2:])):
        write_shard(tmp_path / f"shard-{number:05d}.parquet", [to_row(small_conversation(name)) for name in inside])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    rendered = made(tmp_path, tmp_path / "no-cache", names)
    assert rendered.new_unit_count == 0
    assert [len(entry.unit_counts) for entry in rendered.entries] == [2, 1]
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.parquet")} == before


def test_a_folder_of_other_scripts_is_refused(tmp_path: Path) -> None:
    """A shard with a script that this command would not draw is named, and stays."""
    write_shard(tmp_path / "shard-00000.parquet", [to_row(small_conversation("other"))])
    with pytest.raises(InvalidInput, match="with other, which this command would not draw"):
        made(tmp_path, tmp_path / "no-cache", ["a", "b"])
    assert Shard(tmp_path / "shard-00000.parquet").names() == ["other"]


def test_a_voice_that_is_not_fetched_is_said(tmp_path: Path) -> None:
    """Without voices the command says what to fetch, and leaves neither a shard nor a part of one."""
    with pytest.raises(InvalidInput, match="fetch"):
        made(tmp_path / "set", tmp_path / "empty-cache", ["a"])
    assert list((tmp_path / "set").glob("*")) == []


@pytest.mark.skipif(not list(VOICES.glob("flite*")), reason="needs fetched voices: wan-streamer data fetch")
def test_a_script_becomes_a_conversation_and_again_the_same(tmp_path: Path) -> None:
    """Spoken by real voices the words' times lie in the sound, and a second making gives the same row."""
    pytest.importorskip("hibari")
    rows = []
    for place in ("one", "two"):
        rendered = made(tmp_path / place, default_root(), ["by-hand"])
        write_manifest(tmp_path / place, {}, rendered.entries)
        conversation = DataSet(tmp_path / place).conversation(0)
        rows.append(to_row(conversation))
    assert rows[0] == rows[1]
    agent = conversation.timeline.agent_turns()[0]
    samples = conversation.agent_audio
    begin, end = (at_us * 24_000 // 1_000_000 for at_us in (agent.begin_us, agent.end_us))
    assert float(abs(samples[begin:end]).max()) > 0.05
    assert float(abs(samples[: begin - 480]).max()) < 0.005
    assert float(abs(samples[end + 480 :]).max()) < 0.005
