"""Manifests and splits: what is held out stays out, and the bytes name the data."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.clip import Clip
from wan_streamer.train.data.sources.manifest import Manifest, make_manifest, read_manifest
from wan_streamer.train.data.sources.recipes import amazon_queen
from wan_streamer.train.data.sources.splits import SplitRule, hold_out

HERO = "source/hero"
RULE = SplitRule(speaker_percent=30, dialogue_percent=20, always_train=frozenset({HERO, "source/remarks"}))


def clip(index: int, speaker: str, dialogue: str) -> Clip:
    return Clip(
        name=f"source/{index:05d}",
        path="unpacked/file",
        offset_bytes=index,
        size_bytes=10,
        encoding="mp3",
        sample_rate_hz=11_025,
        sample_count=11_025 + index,
        text=f"Line “{index}”.",
        speaker=speaker,
        dialogue=dialogue,
        licence="CC0-1.0",
        package="package 1.0",
    )


def many_clips() -> list[Clip]:
    """Each scene is the hero's with one of 16 others or with somebody unknown."""
    drawn = random.Random(0)
    others = ["", *(f"source/{name}" for name in "abcdefghijklmnop")]
    clips = []
    for index in range(300):
        scene = drawn.randrange(40)
        speaker = drawn.choice([HERO, others[scene % len(others)]])
        remark = speaker == HERO and drawn.random() < 0.3
        clips.append(clip(index, speaker, "source/remarks" if remark else f"source/scene{scene}"))
    return clips


def manifest_of(clips: list[Clip], tmp_path: Path) -> Manifest:
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(make_manifest(amazon_queen(), clips, RULE, {"noise": 3}))
    return read_manifest(path)


def test_no_held_out_speaker_or_dialogue_is_in_training(tmp_path: Path) -> None:
    """Training holds none of the names that the manifest says are held out, and no clip of unknown speaker."""
    manifest = manifest_of(many_clips(), tmp_path)
    speakers, dialogues = set(manifest.header["held_out_speakers"]), set(manifest.header["held_out_dialogues"])
    assert speakers
    assert dialogues
    train = manifest.split("train")
    assert len(train) > 30
    assert not speakers & {found.speaker for found in train}
    assert not dialogues & {found.dialogue for found in train}
    assert "" not in {found.speaker for found in train}
    assert {HERO, "source/remarks"} & (speakers | dialogues) == set()
    held_out = manifest.split("heldout_speaker") + manifest.split("heldout_dialogue")
    assert all(found.speaker in speakers or found.dialogue in dialogues for found in held_out)


def test_every_clip_is_in_exactly_one_split_and_counted(tmp_path: Path) -> None:
    """The splits are all clips, and the header's counts and seconds are theirs."""
    clips = many_clips()
    manifest = manifest_of(clips, tmp_path)
    assert sorted(name.name for name, _ in manifest.clips) == sorted(found.name for found in clips)
    for split, count in manifest.header["splits"].items():
        inside = manifest.split(split)
        assert count == {"clips": len(inside), "seconds": round(sum(found.seconds for found in inside), 3)}


def test_the_same_clips_give_the_same_bytes(tmp_path: Path) -> None:
    """The order in which they were found does not matter; another text does."""
    clips = many_clips()
    shuffled = clips.copy()
    random.Random(1).shuffle(shuffled)
    first = make_manifest(amazon_queen(), clips, RULE, {})
    assert make_manifest(amazon_queen(), shuffled, RULE, {}) == first
    changed = [replace(clips[0], text="Other."), *clips[1:]]
    assert make_manifest(amazon_queen(), changed, RULE, {}) != first


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Clips, licences and packages survive, in the order of the names."""
    clips = many_clips()
    manifest = manifest_of(clips[::-1], tmp_path)
    assert [found for found, _ in manifest.clips] == clips
    assert manifest.header["packages"][0]["sha256"] == amazon_queen().packages[0].sha256
    assert manifest.header["left_out"] == {"noise": 3}


@given(extra=st.lists(st.tuples(st.text("abcxyz", max_size=3), st.text("0123", max_size=2)), max_size=30))
def test_more_data_moves_no_name_into_training(extra: list[tuple[str, str]]) -> None:
    """A held-out name stays held out whatever else is added."""
    clips = many_clips()
    before = hold_out(clips, RULE)
    added = [clip(1000 + i, f"source/{who}", f"source/scene{where}") for i, (who, where) in enumerate(extra)]
    after = hold_out(clips + added, RULE)
    assert before.speakers <= after.speakers
    assert before.dialogues <= after.dialogues


def test_a_damaged_manifest_is_refused(tmp_path: Path) -> None:
    """Truncated, of another format, not JSON or absent: the error says to fetch again."""
    path = tmp_path / "manifest.jsonl"
    whole = make_manifest(amazon_queen(), many_clips(), RULE, {})
    lines = whole.splitlines(keepends=True)
    header = json.loads(lines[0])
    other = json.dumps({**header, "format": "other"}).encode() + b"\n" + b"".join(lines[1:])
    for content in (b"".join(lines[:-1]), whole[:-40], other, b"\xff", b"", b"[]\n", lines[0] + b"{}\n"):
        path.write_bytes(content)
        with pytest.raises(InvalidInput, match="fetch"):
            read_manifest(path)
    path.unlink()
    with pytest.raises(InvalidInput, match="data fetch"):
        read_manifest(path)
