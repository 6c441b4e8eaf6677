"""Data of training: what is decoded, drawn and held out, and what is said of bad files."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soxr

from tests.support.tiny import tiny_config
from tests.support.train_recipes import RATE_HZ, tiny_video, tone, write_film, write_tones, write_wav
from wan_streamer.errors import InvalidInput
from wan_streamer.train.audio_data import audio_batch, audio_clips
from wan_streamer.train.clips import Clips, item_random
from wan_streamer.train.manifest import AUDIO_SUFFIXES, VIDEO_SUFFIXES, list_data
from wan_streamer.train.video_data import as_frames, as_pictures, moving_columns, video_batch, video_clips

VIDEO = tiny_config().agent_video


def clips_of(*lengths: int) -> Clips:
    """Clip i holds the numbers 100 * (i + 1), 100 * (i + 1) + 1, ..."""
    values = np.concatenate([100 * (i + 1) + np.arange(length) for i, length in enumerate(lengths)])
    return Clips(values, np.cumsum(lengths), tuple(f"clip{i}" for i in range(len(lengths))))


def test_segments_never_leave_their_clip() -> None:
    """Before and after a clip there are zeros, not its neighbours."""
    clips = clips_of(5, 4, 3)
    assert clips.segment(1, -2, 8).tolist() == [0, 0, 200, 201, 202, 203, 0, 0]
    for seed in range(200):
        drawn = clips.draw(np.arange(3), 4, item_random(seed, 0, 0))
        assert len({value // 100 for value in drawn.tolist() if value}) == 1


def test_every_place_is_drawn_by_length() -> None:
    """A clip three times as long comes three times as often, each whole segment of it about equally."""
    clips = clips_of(12, 4)
    first = [int(clips.draw(np.arange(2), 4, item_random(0, step, 0))[0]) for step in range(4000)]
    share = np.mean([value >= 200 for value in first])
    assert share == pytest.approx(0.25, abs=0.03)
    counts = np.bincount([value - 100 for value in first if value < 200], minlength=9)
    assert counts.min() > 0.7 * counts.max() > 0


def test_every_folder_is_drawn_as_often() -> None:
    """A folder with a sixth of the sound gives half of the items."""
    values = np.concatenate([np.full(60, 1), np.full(12, 2)])
    clips = Clips(values, np.asarray([30, 60, 72]), ("voices/a", "voices/b", "agent/a"))
    drawn = [int(clips.draw(np.arange(3), 4, item_random(0, step, 0))[0]) for step in range(2000)]
    assert np.mean([value == 2 for value in drawn]) == pytest.approx(0.5, abs=0.04)
    shares = {"agent": 3.0, "elsewhere": 9.0}
    drawn = [int(clips.draw(np.arange(3), 4, item_random(0, step, 0), shares)[0]) for step in range(2000)]
    assert np.mean([value == 2 for value in drawn]) == pytest.approx(0.75, abs=0.04)


def test_a_batch_is_a_function_of_seed_step_and_item(tmp_path: Path) -> None:
    """Items drawn alone equal the same items of a whole batch; another step or seed gives others."""
    clips = audio_clips(list_data([write_tones(tmp_path / "data")], AUDIO_SUFFIXES), RATE_HZ, tmp_path / "cache")
    which = np.arange(len(clips.names))
    whole = audio_batch(clips, which, 640, 0, 5, range(4))
    assert bool((whole[2:] == audio_batch(clips, which, 640, 0, 5, [2, 3])).all())
    assert not bool((whole == audio_batch(clips, which, 640, 0, 6, range(4))).all())
    assert not bool((whole == audio_batch(clips, which, 640, 1, 5, range(4))).all())
    assert float(whole.abs().max()) <= 1


def test_held_out_clips_stay_held_out() -> None:
    """The two sides share no clip, and adding clips moves none to the other side."""
    few, many = clips_of(*[3] * 40), clips_of(*[3] * 80)
    training, heldout = few.split(25)
    more_training, more_heldout = many.split(25)
    assert len(heldout) > 3
    assert set(training.tolist()).isdisjoint(heldout.tolist())
    assert set(heldout.tolist()) <= set(more_heldout.tolist())
    assert set(training.tolist()) <= set(more_training.tolist())
    assert len(clips_of(3).split(100)[0]) == 1


def test_sound_is_resampled_as_soxr_does(tmp_path: Path) -> None:
    """A file at another rate arrives at the codec's, as soxr resamples it; the second time comes from the cache."""
    data = tmp_path / "data"
    data.mkdir()
    samples = tone(0.5, 300, 24_000)
    write_wav(data / "a.wav", samples, 24_000)
    manifest = list_data([data], AUDIO_SUFFIXES)
    clips = audio_clips(manifest, RATE_HZ, tmp_path / "cache")
    expected = soxr.resample(samples.astype(np.float32), 24_000, RATE_HZ, quality="HQ")
    np.testing.assert_allclose(clips.values, expected, atol=0.51)
    (data / "a.wav").unlink()
    assert np.array_equal(audio_clips(manifest, RATE_HZ, tmp_path / "cache").values, clips.values)


def test_film_becomes_units(tmp_path: Path) -> None:
    """A film of five units at the codec's size has five, and they look like the film."""
    write_film(tmp_path / "film.mp4", size=(32, 32))
    clips = video_clips(list_data([tmp_path], VIDEO_SUFFIXES), VIDEO, tmp_path / "cache")
    assert clips.values.shape == (5, 4, 32, 32, 3)
    ramp = np.linspace(40, 120, 32)
    assert np.abs(clips.values[0, 0, 2, :, 0] - ramp).max() < 8
    batch = video_batch(clips, np.arange(1), tiny_video(), 0, range(3))
    assert batch.shape == (3, 2, 4, 3, 32, 32)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 4, 8, 8, 3), dtype=np.uint8)
    assert np.array_equal(as_pictures(as_frames(pictures)), pictures)


def test_pieces_lie_where_something_moves() -> None:
    """Of 6 columns of 8 pixels, with movement in the last, most pieces of 2 hold it, and each is cut at a column."""
    random = np.random.default_rng(0)
    units = np.repeat(np.arange(48, dtype=np.uint8)[:, None], 3, axis=1)[None, None, None].repeat(2, 0).repeat(4, 1)
    units = units.repeat(16, axis=2)
    units[..., 40:, :] = random.integers(0, 256, (2, 4, 16, 8, 3), dtype=np.uint8)
    pieces = [moving_columns(units, 2, 8, random) for _ in range(100)]
    firsts = [int(piece[0, 0, 0, 0, 0]) // 8 for piece in pieces]
    assert {piece.shape for piece in pieces} == {(2, 4, 16, 16, 3)}
    assert all(
        np.array_equal(piece, units[..., 8 * first : 8 * first + 16, :])
        for piece, first in zip(pieces, firsts, strict=True)
    )
    assert 40 < firsts.count(4) < 100
    still = [moving_columns(units[..., :40, :], 2, 8, random)[0, 0, 0, 0, 0] // 8 for _ in range(100)]
    assert min(still.count(first) for first in range(4)) > 10


def test_columns_beyond_the_picture_are_refused() -> None:
    """A recipe for wider pieces than the picture fails when it is made."""
    with pytest.raises(ValueError, match="9 columns of 2"):
        dataclasses.replace(tiny_video(), columns=9)


def test_bad_data_is_named_and_leaves_no_cache(tmp_path: Path) -> None:
    """A film without sound, a cut-off file, an empty one and no file at all are refused by name; nothing is cached."""
    data, cache = tmp_path / "data", tmp_path / "cache"
    data.mkdir()
    with pytest.raises(InvalidInput, match="without media, expected files that end in"):
        list_data([data], AUDIO_SUFFIXES)
    with pytest.raises(InvalidInput, match="there is none, check the path"):
        list_data([data / "no"], AUDIO_SUFFIXES)
    write_wav(data / "good.wav", tone(0.3, 300))
    film = write_film(data / "film.mp4").read_bytes()
    (data / "film.mp4").write_bytes(film[: len(film) // 3])
    with pytest.raises(InvalidInput, match=r"film\.mp4"):
        audio_clips(list_data([data], AUDIO_SUFFIXES), RATE_HZ, cache)
    (data / "film.mp4").unlink()
    write_wav(data / "empty.wav", tone(0, 300))
    with pytest.raises(InvalidInput, match=r"empty\.wav"):
        audio_clips(list_data([data], AUDIO_SUFFIXES), RATE_HZ, cache)
    with pytest.raises(InvalidInput, match=r"good\.wav without pictures"):
        video_clips(list_data([data / "good.wav"], AUDIO_SUFFIXES), VIDEO, cache)
    assert list(cache.iterdir()) == []


def test_a_damaged_cache_is_said(tmp_path: Path) -> None:
    """A cache that lost its end is refused with the folder to delete."""
    manifest = list_data([write_tones(tmp_path / "data")], AUDIO_SUFFIXES)
    audio_clips(manifest, RATE_HZ, tmp_path / "cache")
    values = next((tmp_path / "cache").rglob("values.bin"))
    values.write_bytes(values.read_bytes()[:-2])
    with pytest.raises(InvalidInput, match="the cache is damaged, delete"):
        audio_clips(manifest, RATE_HZ, tmp_path / "cache")


def test_the_manifest_names_content_not_place(tmp_path: Path) -> None:
    """Equal files elsewhere have the same hash; one changed byte gives another."""
    places = [tmp_path / name / "tones" for name in ("here", "there")]
    for place in places:
        place.parent.mkdir()
        write_tones(place)
    here, there = (list_data([place], AUDIO_SUFFIXES).sha256 for place in places)
    assert here == there
    changed = places[0] / "tone0.wav"
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(bytes(content))
    assert list_data([places[0]], AUDIO_SUFFIXES).sha256 != here
