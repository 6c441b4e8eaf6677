"""Talks on disk: whole or not there, and read as they were written."""

from pathlib import Path

import numpy as np
import pytest

from wan_streamer.engine.exchange import AgentOutput
from wan_streamer.errors import InvalidInput
from wan_streamer.eval.conversations.flac import from_flac, to_flac
from wan_streamer.eval.conversations.talk_folder import TalkFolder, TalkMedia, TalkWriter, remove_parts

RATE_HZ, HEIGHT, WIDTH = 8000, 32, 48
SAMPLES = RATE_HZ * 160 // 1000


def output(unit_index: int) -> AgentOutput:
    return AgentOutput(
        unit_index=unit_index,
        audio=np.full(SAMPLES, 1000 * unit_index, np.int16),
        video=np.full((4, HEIGHT, WIDTH, 3), 40 * unit_index, np.uint8),
        text=("hello ", "", "there")[unit_index],
    )


def write(folder: Path, *, film: bool) -> TalkFolder:
    media = TalkMedia(rate_hz=RATE_HZ, height=HEIGHT if film else 0, width=WIDTH if film else 0)
    with TalkWriter(folder, media) as writer:
        for unit_index in range(3):
            writer.write(output(unit_index), np.zeros(SAMPLES, np.int16))
        writer.finish("model", {"seed": "1"}, 12.345)
    return TalkFolder(folder)


def interrupted(folder: Path) -> None:
    with TalkWriter(folder, TalkMedia(rate_hz=RATE_HZ, height=HEIGHT, width=WIDTH)) as writer:
        writer.write(output(0), np.zeros(SAMPLES, np.int16))
        raise KeyboardInterrupt


@pytest.mark.parametrize("film", [True, False])
def test_a_talk_is_read_as_it_was_written(tmp_path: Path, film: bool) -> None:
    """Words, sound to the sample, and pictures where there is a film; nothing else is left."""
    folder = write(tmp_path / "a", film=film)
    talk = folder.read()
    assert (talk.system, talk.name, talk.words, talk.text, talk.has_film) == (
        "model", "a", ("hello ", "", "there"), "hello there", film,
    )  # fmt: skip
    assert talk.made_from == {"seed": "1"}
    samples, rate_hz = folder.sound()
    assert rate_hz == RATE_HZ
    assert np.array_equal(samples[::SAMPLES], np.float32([0, 1000, 2000]) / 32768)
    assert len(samples) == 3 * SAMPLES
    if film:
        levels = [int(np.median(frame)) for frame in folder.frames()]
        assert len(levels) == 12
        assert levels[::4] == pytest.approx([0, 40, 80], abs=3)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_interrupted_talk_leaves_nothing(tmp_path: Path) -> None:
    """When the block ends in Ctrl-C there is no talk and no part of one; a talk that was there stays."""
    for before in (False, True):
        if before:
            write(tmp_path / "a", film=False)
        with pytest.raises(KeyboardInterrupt):
            interrupted(tmp_path / "a")
        assert [path.name for path in tmp_path.iterdir()] == (["a"] if before else [])
        assert (TalkFolder(tmp_path / "a").find() is not None) == before


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """Parts go, talks stay."""
    write(tmp_path / "model" / "a", film=False)
    (tmp_path / "model" / ".b.123.part").mkdir()
    remove_parts(tmp_path)
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["a"]


def test_damage_is_told(tmp_path: Path) -> None:
    """A talk that is none, and sound that is none, are errors; a missing talk is not there."""
    folder = write(tmp_path / "a", film=False)
    (tmp_path / "a" / "talk.json").write_text("{}")
    with pytest.raises(InvalidInput, match="delete"):
        folder.read()
    with pytest.raises(InvalidInput, match="cannot be read"):
        from_flac(b"no sound")
    assert TalkFolder(tmp_path / "b").find() is None
    with pytest.raises(InvalidInput, match="got no talk"):
        TalkFolder(tmp_path / "b").read()


def test_flac_loses_nothing() -> None:
    """Every value of 16 bits comes back."""
    samples = np.arange(-32768, 32768, 7, dtype=np.int16)
    back, rate_hz = from_flac(to_flac(samples, 16_000))
    assert rate_hz == 16_000
    assert np.array_equal(np.round(back * 32768).astype(np.int16), samples)
