from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.codec.__main__ import main
from wan_streamer.eval.codec.options import CodecOptions
from wan_streamer.eval.codec.spoken_clips import agent_sentences, held_out_choice, held_out_clips, placed
from wan_streamer.train.data.generate.domain_files import DEFAULT_DOMAIN, read_domain
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.clip import Clip

CLIP = Clip(
    name="queen/1", path="x", offset_bytes=0, size_bytes=1, encoding="mp3", sample_rate_hz=10, sample_count=40,
    text="three short words", speaker="queen/Bob", dialogue="queen/d", licence="", package="",
)  # fmt: skip


def test_sentences_are_whole_answers_and_larger_counts_hold_smaller_ones() -> None:
    """No slot is left open, none comes twice, and sixty are there."""
    domain = read_domain(DEFAULT_DOMAIN)
    sentences = agent_sentences(domain, 60, 0)
    assert len(set(sentences)) == 60
    assert not any("{" in sentence for sentence in sentences)
    assert agent_sentences(domain, 5, 0) == sentences[:5]
    assert agent_sentences(domain, 60, 1) != sentences


def test_clips_begin_anywhere_in_a_unit_and_end_with_one() -> None:
    """Another name is another moment, the sound itself is not changed, and the length is whole units."""
    sound = np.full(16_000, 0.5, np.float32)
    begins = []
    for name in map(str, range(20)):
        clip = placed(sound, 16_000, 16_000, 0, name)
        assert len(clip) % 2560 == 0
        assert np.count_nonzero(clip) == len(sound)
        begins.append(int(np.flatnonzero(clip)[0]))
    assert len(set(begins)) > 15
    assert max(begins) < 2560


def test_another_rate_keeps_the_length_in_time() -> None:
    """A second at 24 kHz is a second at 16 kHz, in units."""
    assert len(placed(np.zeros(24_000, np.float32), 24_000, 16_000, 0, "a")) in (7 * 2560, 8 * 2560)


def test_held_out_clips_are_of_fitting_length() -> None:
    """Clips that are too short, too long or nearly without words are not chosen."""
    bad = [replace(CLIP, sample_count=10), replace(CLIP, sample_count=130), replace(CLIP, text="Yes.")]
    assert held_out_choice([*bad, CLIP], 5, 0) == [CLIP]
    with pytest.raises(InvalidInput, match="held-out speaker") as error:
        held_out_choice(bad, 5, 0)
    assert error.value.reason == "HELD_OUT"


def test_source_that_is_not_fetched_is_named(tmp_path: Path) -> None:
    """Without the manifest the message says which command fetches it."""
    with pytest.raises(InvalidInput, match="wan-streamer data fetch"):
        next(held_out_clips(DataCache(tmp_path), 1, 16_000, 0))


def test_missing_weights_end_before_anything_is_measured(tmp_path: Path) -> None:
    """The error names the file, and no folder is made."""
    options = CodecOptions(audio_weights=tmp_path / "none", only="audio", out=tmp_path / "out", cache=tmp_path)
    with pytest.raises(InvalidInput, match="none") as error:
        main(options, Console())
    assert error.value.reason == "WEIGHTS_MISSING"
    assert not (tmp_path / "out").exists()


def test_video_needs_a_data_set() -> None:
    """Without --data the message offers both ways on."""
    with pytest.raises(InvalidInput, match="--only audio"):
        CodecOptions()
    with pytest.raises(InvalidInput, match="below 1"):
        CodecOptions(only="audio", sentences=0)
