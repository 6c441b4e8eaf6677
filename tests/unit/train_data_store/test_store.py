"""Conversations on disk: what goes in comes out, at its place, and damage is said."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from tests.support.conversations import small_conversation
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.conversation import AGENT_RATE_HZ, USER_RATE_HZ
from wan_streamer.unit import FRAMES_PER_UNIT, samples_per_unit

pytest.importorskip("pyarrow")

from wan_streamer.train.data.store.data_set import DataSet, shard_entry, write_manifest
from wan_streamer.train.data.store.opus import decode_opus, encode_opus
from wan_streamer.train.data.store.reader import ReaderConfig, UnitReader
from wan_streamer.train.data.store.row import as_kept, to_row
from wan_streamer.train.data.store.shard import Shard, write_shard


def data_set(folder: Path, *, shards: int = 2, each: int = 3) -> DataSet:
    """Conversations of different lengths, `each` a shard."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for shard in range(shards):
        numbers = range(shard * each, (shard + 1) * each)
        paths.append(folder / f"shard-{shard:05d}.parquet")
        write_shard(paths[-1], (to_row(small_conversation(f"c{i}", words=3 + i, seed=i)) for i in numbers))
    write_manifest(folder, {"seed": 0}, [shard_entry(path) for path in paths])
    return DataSet(folder)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000])
def test_opus_keeps_every_sample_at_its_place(rate_hz: int) -> None:
    """A chirp comes back whole and not shifted by a sample."""
    time_s = np.arange(rate_hz * 2) / rate_hz
    chirp = (0.4 * np.sin(2 * np.pi * (200 + 900 * time_s) * time_s)).astype(np.float32)
    back = decode_opus(encode_opus(chirp, rate_hz, 32_000), rate_hz, len(chirp))
    assert len(back) == len(chirp)
    match = [float(np.dot(chirp[100:-100], back[100 + shift : len(back) - 100 + shift])) for shift in range(-20, 21)]
    assert int(np.argmax(match)) - 20 == 0
    assert match[20] > 0.9 * float(np.dot(chirp, chirp))


def test_bad_opus_is_said() -> None:
    """Garbage, a cut file and a rate that Opus does not know are refused."""
    whole = encode_opus(np.zeros(16_000, np.float32), 16_000, 16_000)
    for wrong in (b"", b"garbage" * 10, whole[: len(whole) // 3]):
        with pytest.raises(InvalidInput, match=r"Opus|cut off"):
            decode_opus(wrong, 16_000, 16_000)
    with pytest.raises(InvalidInput, match="11025 Hz"):
        encode_opus(np.zeros(10, np.float32), 11_025, 16_000)
    for bit_rate in (0, 12):
        with pytest.raises(InvalidInput, match=f"got {bit_rate} bits a second"):
            encode_opus(np.zeros(10, np.float32), 16_000, bit_rate)


def test_more_bits_keep_more_of_what_the_microphone_heard() -> None:
    """32 kbit/s take more bytes than 12 and leave less than half of the error; the agent's sound stays as it was."""
    conversation = small_conversation(seed=3)
    low, high = to_row(conversation), to_row(conversation, user_bit_rate=32_000)
    assert len(high["user_audio"]) > 1.5 * len(low["user_audio"])
    assert high["agent_audio"] == low["agent_audio"]
    errors = [
        float(((as_kept(conversation.user_audio, rate) - conversation.user_audio) ** 2).mean())
        for rate in (12_000, 32_000)
    ]
    assert errors[1] < errors[0] / 2


def test_a_conversation_comes_back_from_its_shard(tmp_path: Path) -> None:
    """Script, times, labels and curves are the same; the sound begins and ends where it did."""
    before = small_conversation(seed=3)
    write_shard(tmp_path / "a.parquet", [to_row(before)])
    shard = Shard(tmp_path / "a.parquet")
    assert (len(shard), shard.names(), shard.unit_counts()) == (1, ["by-hand"], [before.unit_count])
    after = shard.conversation(0)
    assert after.timeline == before.timeline
    assert (after.scene_seed, after.camera_lag_frames) == (3, 2)
    assert np.array_equal(after.agent_curves.values_FC, before.agent_curves.values_FC)
    assert np.array_equal(after.visitor_curves["ann"].values_FC, before.visitor_curves["ann"].values_FC)
    for rate_hz, one, other in (
        (USER_RATE_HZ, before.user_audio, after.user_audio),
        (AGENT_RATE_HZ, before.agent_audio, after.agent_audio),
    ):
        hop = rate_hz // 100
        loud = [np.abs(x[: len(x) // hop * hop].reshape(-1, hop)).max(1) > 0.1 for x in (one, other)]
        assert (loud[0] != loud[1]).sum() <= 2


def test_the_labels_can_be_read_by_other_tools(tmp_path: Path) -> None:
    """Any Parquet reader sees the labels of the units as a column."""
    import pyarrow.parquet as pq

    conversation = small_conversation()
    write_shard(tmp_path / "a.parquet", [to_row(conversation)])
    labels = pq.read_table(tmp_path / "a.parquet", columns=["units"])["units"].to_pylist()[0]
    assert [label["agent"] for label in labels] == [label.agent for label in conversation.timeline.units]
    assert {"listen", "speak"} <= {label["agent"] for label in labels}


def test_windows_lie_on_the_units(tmp_path: Path) -> None:
    """Row k of every array of a window is unit k of its conversation."""
    data = data_set(tmp_path)
    reader = UnitReader(data, ReaderConfig(window_units=6))
    conversations = {data.conversation(i).script.name: data.conversation(i) for i in range(len(data))}
    for index in range(12):
        window = reader.window(index)
        whole = conversations[window.name]
        assert window.unit_count == min(6, whole.unit_count)
        for row, label in enumerate(window.labels):
            unit = window.first_unit + row
            assert label == whole.timeline.units[unit]
            samples = samples_per_unit(AGENT_RATE_HZ)
            assert np.array_equal(window.agent_audio_US[row], whole.agent_audio[unit * samples : (unit + 1) * samples])
            frames = slice(unit * FRAMES_PER_UNIT, (unit + 1) * FRAMES_PER_UNIT)
            assert np.array_equal(window.agent_curves_UFC[row], whole.agent_curves.values_FC[frames])


def test_the_stream_is_shuffled_resumed_and_shared(tmp_path: Path) -> None:
    """Each conversation once an epoch; a stream from step s equals the rest of one from 0; two ranks make one."""
    data = data_set(tmp_path)

    def take(count: int, start: int = 0, **values: int) -> list[tuple[str, int]]:
        stream = UnitReader(data, ReaderConfig(window_units=5, **values)).stream(start)
        taken = [(window.name, window.first_unit) for window in itertools.islice(stream, count)]
        stream.close()  # type: ignore[attr-defined]
        return taken

    whole = take(12)
    assert sorted(name for name, _ in whole[:6]) == sorted(name for name, _ in whole[6:]) == [f"c{i}" for i in range(6)]
    assert whole[:6] != whole[6:]
    assert take(7, start=5) == whole[5:]
    assert take(12, seed=1) != whole
    ranks = [take(6, first=rank, stride=2) for rank in (0, 1)]
    assert [item for pair in zip(*ranks, strict=True) for item in pair] == whole


def test_a_damaged_data_set_is_said(tmp_path: Path) -> None:
    """A missing or cut shard, a changed byte, no manifest: each by name, and nothing is yielded in place of it."""
    folder = tmp_path / "set"
    data = data_set(folder)
    path = folder / data.entries[0].file
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(InvalidInput, match=r"shard-00000\.parquet, expected \d+ bytes"):
        DataSet(folder)
    with pytest.raises(InvalidInput, match="cannot be read"):
        Shard(path)
    damaged = bytearray(content)
    place = content.index(b"OggS") + 200
    damaged[place : place + 40] = bytes(40)
    path.write_bytes(bytes(damaged))
    with pytest.raises(InvalidInput, match=r"differs from its manifest|cannot be read"):
        DataSet(folder).verify()
    with pytest.raises(InvalidInput, match="cannot be read"):
        list(itertools.islice(UnitReader(DataSet(folder), ReaderConfig(window_units=4)).stream(), 12))
    path.unlink()
    with pytest.raises(InvalidInput, match="no such file"):
        DataSet(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(InvalidInput, match="data render"):
        DataSet(folder)


def test_a_failed_write_leaves_the_last_shard(tmp_path: Path) -> None:
    """When a row cannot be made, the shard of before is still there and no half file beside it."""
    path = tmp_path / "a.parquet"
    write_shard(path, [to_row(small_conversation())])
    before = path.read_bytes()

    def broken():  # type: ignore[no-untyped-def]
        yield to_row(small_conversation())
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_shard(path, broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
