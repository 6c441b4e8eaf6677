"""Rooms, microphones and what is drawn of them."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.conversation import USER_RATE_HZ
from wan_streamer.train.data.sound.acoustics import Acoustics, draw_acoustics, dry
from wan_streamer.train.data.sound.microphone import band_limit
from wan_streamer.train.data.sound.room import room_response

pytest.importorskip("scipy", reason="filters sound")


def test_drawn_acoustics_are_valid_and_cover_what_is_wanted() -> None:
    """Levels from -35 to -15 dBFS, three microphones, some hum and overdrive; the same seed draws the same."""
    drawn = [draw_acoustics(Random(seed)) for seed in range(300)]
    levels = [acoustics.level_dbfs for acoustics in drawn]
    assert -35 <= min(levels) < -33
    assert -17 < max(levels) <= -15
    assert {(acoustics.low_hz, acoustics.high_hz) for acoustics in drawn} == {(60, 7800), (80, 5500), (300, 3400)}
    assert 0.02 < np.mean([acoustics.overdrive_db > 0 for acoustics in drawn]) < 0.15
    assert draw_acoustics(Random(7)) == drawn[7]


@pytest.mark.parametrize(
    "wrong",
    [
        {"low_hz": 4000.0, "high_hz": 3400.0},
        {"high_hz": 9000.0},
        {"reverberation_s": 9.0},
        {"distance_m": 7.0},
        {"level_dbfs": 3.0},
        {"room_m": (0.5, 3.0, 3.0)},
    ],
)
def test_acoustics_that_cannot_be_are_errors(wrong: dict[str, float]) -> None:
    """Each names what it got."""
    with pytest.raises(InvalidInput, match="expected"):
        replace(dry(), **wrong)


@pytest.mark.parametrize("reverberation_s", [0.25, 0.5, 0.9])
def test_a_room_dies_away_as_it_should(reverberation_s: float) -> None:
    """Begins with the direct sound of height 1; its energy decays (Schroeder, 1965) by 60 dB in the wanted time."""
    room = Acoustics(room_m=(7.0, 6.0, 3.0), reverberation_s=reverberation_s)
    response = room_response(room, np.random.default_rng(0)).astype(np.float64)
    assert response[0] == pytest.approx(1, abs=0.05)
    left_db = 10 * np.log10(np.cumsum(response[::-1] ** 2)[::-1])
    begin, end = (int(np.argmax(left_db < left_db[0] - drop_db)) for drop_db in (8, 28))
    assert (end - begin) * 3 / USER_RATE_HZ == pytest.approx(reverberation_s, rel=0.3)


def test_farther_away_there_is_more_room() -> None:
    """The echoes grow against the direct sound with the distance."""
    energies = [
        float(
            np.square(room_response(Acoustics(reverberation_s=0.4, distance_m=metres), np.random.default_rng(0))).sum()
        )
        for metres in (0.5, 1.0, 2.0)
    ]
    assert energies == sorted(energies)
    assert energies[2] > 3 * energies[0]


def test_without_a_room_there_is_none() -> None:
    """A single click, to the sample."""
    assert room_response(dry(), np.random.default_rng(0)).tolist() == [1.0]


def test_a_telephone_passes_its_band_alone() -> None:
    """Tones inside stay as loud, those an octave outside lose 15 dB and more."""
    time_s = np.arange(USER_RATE_HZ) / USER_RATE_HZ
    telephone = replace(dry(), low_hz=300, high_hz=3400)

    def passed_db(tone_hz: float) -> float:
        tone = np.sin(2 * np.pi * tone_hz * time_s).astype(np.float32)
        return float(20 * np.log10(np.std(band_limit(tone, telephone)[4000:]) / np.std(tone)))

    assert [passed_db(tone_hz) for tone_hz in (600, 1000, 2500)] == pytest.approx([0, 0, 0], abs=1)
    assert max(passed_db(150), passed_db(5500)) < -15
