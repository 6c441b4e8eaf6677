"""Sounds and noises."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.train_data_sound.conversations import ANN, BEN
from wan_streamer.train.data.events import NoiseName, SoundName
from wan_streamer.train.data.script import Moment, Script, Sound
from wan_streamer.train.data.sound.levels import root_mean_square
from wan_streamer.train.data.sound.sound_bank import SoundBank
from wan_streamer.train.data.sources.cache import DataCache

pytest.importorskip("scipy", reason="filters sound")

SOUNDS: tuple[SoundName, ...] = ("cough", "sneeze", "laugh", "door", "phone", "footsteps")
NOISES: tuple[NoiseName, ...] = ("babble", "street", "hum", "music", "rain")


def script_of(name: str = "s") -> Script:
    events = tuple(
        Sound(id=f"{sound}-{number}", begins=Moment(offset_ms=number), sound=sound)
        for sound in SOUNDS
        for number in range(8)
    )
    return Script(name=name, domain="d", family="f", visitors=(ANN, BEN), events=events)


def test_each_event_has_its_own_sound_of_the_said_length(tmp_path: Path) -> None:
    """No two are the same, each lasts 0.2 to 6 s and exactly as long as `durations_us` says."""
    bank, script = SoundBank(DataCache(tmp_path)), script_of()
    durations_us = bank.durations_us(script)
    seen = set()
    for event in script.events:
        assert isinstance(event, Sound)
        samples = bank.sound_of(script, event)
        assert len(samples) * 1_000_000 == durations_us[event.id] * 16_000
        assert 200_000 <= durations_us[event.id] <= 6_000_000
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() < 30
        seen.add(samples.tobytes())
    assert len(seen) == len(script.events)


def test_the_script_s_name_draws_the_sounds(tmp_path: Path) -> None:
    """The same script has the same sounds in another bank, another script others."""
    event = script_of().events[0]
    assert isinstance(event, Sound)
    first, again, other = (
        SoundBank(DataCache(tmp_path)).sound_of(script_of(name), event).tobytes() for name in ("s", "s", "t")
    )
    assert first == again != other


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("sample_count", [1, 7_000, 80_000])
def test_a_noise_has_its_length_and_power(tmp_path: Path, noise: NoiseName, sample_count: int) -> None:
    """Of any length, with a root mean square of 1, the same for the same generator."""
    bank = SoundBank(DataCache(tmp_path))
    first, again = (bank.noise(noise, sample_count, np.random.default_rng(1)) for _ in range(2))
    assert len(first) == sample_count
    assert root_mean_square(first) == pytest.approx(1, abs=1e-3)
    assert np.array_equal(first, again)
    assert np.isfinite(first).all()
