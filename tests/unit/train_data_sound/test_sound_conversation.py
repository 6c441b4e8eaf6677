"""Rendered conversations: everything is heard when the timeline says so, as loud as was asked."""

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.train_data_sound.conversations import agent, clip, converse, user
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.conversation import AGENT_RATE_HZ, USER_RATE_HZ
from wan_streamer.train.data.events import NoiseName, SoundName
from wan_streamer.train.data.script import Interruption, Moment, NoiseBed, Pause, Sound
from wan_streamer.train.data.sound.acoustics import Acoustics, draw_acoustics, dry
from wan_streamer.train.data.sound.agent_audio import agent_audio
from wan_streamer.train.data.sound.levels import root_mean_square
from wan_streamer.train.data.sound.user_audio import user_audio
from wan_streamer.train.data.timeline import Timeline, Utterance
from wan_streamer.unit import UNIT_US

pytest.importorskip("scipy", reason="filters sound")

NOISES: tuple[NoiseName, ...] = ("babble", "street", "hum", "music", "rain")
SOUNDS: tuple[SoundName, ...] = ("cough", "sneeze", "laugh", "door", "phone", "footsteps")
ASK = user("u1", Moment(offset_ms=333))


def edges_us(samples: NDArray[np.float32], rate_hz: int) -> list[tuple[int, int]]:
    """Begin and end of each stretch that is loud for longer than 40 ms of silence lasts."""
    loud = np.flatnonzero(np.abs(samples) > 0.1 * np.abs(samples).max())
    breaks = np.flatnonzero(np.diff(loud) > 0.04 * rate_hz)
    begins, ends = [loud[0], *loud[breaks + 1]], [*loud[breaks], loud[-1]]
    return [(int(b * 1e6 / rate_hz), int(e * 1e6 / rate_hz)) for b, e in zip(begins, ends, strict=True)]


def word_spans(utterances: tuple[Utterance, ...]) -> list[tuple[int, int]]:
    return [(word.begin_us, word.end_us) for utterance in utterances for word in utterance.words]


def said(timeline: Timeline, count: int) -> NDArray[np.bool_]:
    mask = np.zeros(count, np.bool_)
    for begin_us, end_us in word_spans(timeline.utterances):
        mask[begin_us * 16 // 1000 : end_us * 16 // 1000] = True
    return mask


def test_words_are_heard_when_the_timeline_says_so(tmp_path: Path) -> None:
    """Every word of both sides begins and ends within 5 ms of its time, pauses included, and nothing else is heard."""
    timeline, clips, sounds = converse(
        replace(ASK, pauses=(Pause(after_word_index=0, duration_ms=700),)),
        replace(agent("a1", "u1"), pauses=(Pause(after_word_index=2, duration_ms=410),)),
        cache=tmp_path,
    )
    for samples, rate_hz, utterance in (
        (user_audio(timeline, clips, sounds, dry(), 0), USER_RATE_HZ, timeline.utterances[0]),
        (agent_audio(timeline, clips), AGENT_RATE_HZ, timeline.utterances[1]),
    ):
        found, expected = edges_us(samples, rate_hz), word_spans((utterance,))
        assert np.array(found) == pytest.approx(np.array(expected), abs=5_000)


def test_the_agent_s_words_are_untouched(tmp_path: Path) -> None:
    """Where nothing is cut, the clip is copied to the sample."""
    timeline, clips, _ = converse(ASK, agent("a1", "u1"), cache=tmp_path)
    begin = round(timeline.utterances[1].begin_us * AGENT_RATE_HZ / 1e6)
    samples = agent_audio(timeline, clips)
    assert np.array_equal(samples[begin : begin + len(clips["a1"].samples)], clips["a1"].samples)
    assert not samples[:begin].any()


def test_a_cut_answer_is_silent_after_the_cut(tmp_path: Path) -> None:
    """An interrupted answer is loud until shortly before it yields and exactly zero after, without a click."""
    stop = replace(
        user("u2", Moment(of="a1", word_index=2, offset_ms=50)), interrupts=Interruption(turn="a1", yields_after_ms=60)
    )
    timeline, clips, _ = converse(ASK, agent("a1", "u1"), stop, cache=tmp_path)
    answer = timeline.agent_turns()[0]
    samples, cut = agent_audio(timeline, clips), round(answer.end_us * AGENT_RATE_HZ / 1e6)
    assert answer.is_cut
    assert not samples[cut:].any()
    assert np.abs(samples[cut - 480 : cut - 240]).max() > 0.15
    assert np.abs(np.diff(samples[cut - 120 : cut + 1])).max() < 0.03
    assert abs(samples[cut - 1]) < 1e-3


@pytest.mark.parametrize("seed", range(6))
def test_the_length_is_exact_and_the_samples_are_sane(tmp_path: Path, seed: int) -> None:
    """Whatever the acoustics, as many samples as the timeline has, float32, finite, within full scale."""
    cough = Sound(id="s1", begins=Moment(of="u1", edge="end", offset_ms=100), sound=SOUNDS[seed])
    bed = NoiseBed(id="n1", noise=NOISES[seed % 5], snr_db=10)
    timeline, clips, sounds = converse(bed, ASK, cough, cache=tmp_path, tail_ms=77)
    samples = user_audio(timeline, clips, sounds, draw_acoustics(Random(seed)), seed)
    assert len(samples) == len(timeline.units) * USER_RATE_HZ * UNIT_US // 1_000_000
    assert len(agent_audio(timeline, clips)) == len(timeline.units) * AGENT_RATE_HZ * UNIT_US // 1_000_000
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert 0.001 < np.abs(samples).max() <= 1


def test_the_same_seed_gives_the_same_samples(tmp_path: Path) -> None:
    """And another seed others."""
    bed = NoiseBed(id="n1", noise="babble", snr_db=10)
    timeline, clips, sounds = converse(bed, ASK, cache=tmp_path)
    acoustics = draw_acoustics(Random(1))
    first, again, other = (user_audio(timeline, clips, sounds, acoustics, seed) for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("band_hz", [(0.0, 8000.0), (300.0, 3400.0)])
def test_noise_is_as_far_below_speech_as_asked(tmp_path: Path, noise: NoiseName, band_hz: tuple[float, float]) -> None:
    """Within 1 dB, as it leaves the microphone; found by taking away the same conversation without noise."""
    room = Acoustics(reverberation_s=0.3, low_hz=band_hz[0], high_hz=band_hz[1], level_dbfs=-30)
    bed = NoiseBed(id="n1", noise=noise, snr_db=12)
    timeline, clips, sounds = converse(bed, ASK, cache=tmp_path, tail_ms=3000)
    quiet, _, _ = converse(ASK, cache=tmp_path, tail_ms=3000)
    speech = user_audio(quiet, clips, sounds, room, 5)
    difference = user_audio(timeline, clips, sounds, room, 5) - speech
    ratio = root_mean_square(speech[said(quiet, len(speech))]) / root_mean_square(difference)
    assert 20 * np.log10(ratio) == pytest.approx(12, abs=1)


def test_a_noise_ends_where_the_script_says(tmp_path: Path) -> None:
    """A bed that ends with the question leaves silence after it."""
    bed = NoiseBed(id="n1", noise="rain", snr_db=0, ends=Moment(of="u1", edge="end"))
    timeline, clips, sounds = converse(bed, ASK, cache=tmp_path)
    samples = user_audio(timeline, clips, sounds, dry(), 0)
    end = timeline.utterances[0].end_us * 16 // 1000
    assert root_mean_square(samples[end - 800 : end - 400]) > 0.001
    assert not samples[end + 1 :].any()


@pytest.mark.parametrize("level_dbfs", [-35.0, -20.0])
def test_speech_has_its_level(tmp_path: Path, level_dbfs: float) -> None:
    """Within 0.1 dB while words are said, though two visitors differ."""
    timeline, clips, sounds = converse(
        ASK, user("u2", Moment(of="u1", edge="end", offset_ms=100), visitor="ben"), cache=tmp_path
    )
    samples = user_audio(timeline, clips, sounds, replace(dry(), level_dbfs=level_dbfs), 0)
    assert 20 * np.log10(root_mean_square(samples[said(timeline, len(samples))])) == pytest.approx(level_dbfs, abs=0.1)


@pytest.mark.parametrize("sound", SOUNDS)
def test_a_sound_is_heard_at_its_time(tmp_path: Path, sound: SoundName) -> None:
    """Silence before it, its onset within 20 ms of the timeline, through a telephone too."""
    event = Sound(id="s1", begins=Moment(offset_ms=500), sound=sound)
    timeline, clips, sounds = converse(event, cache=tmp_path)
    samples = user_audio(timeline, clips, sounds, replace(dry(), low_hz=300, high_hz=3400), 0)
    assert not samples[:8000].any()
    assert root_mean_square(samples[8000:]) > 0.002
    if sound != "sneeze":  # which begins with a breath
        loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
        assert loud[0] / 16 == pytest.approx(500, abs=20)


def test_too_much_gain_is_cut_off(tmp_path: Path) -> None:
    """6 dB too much: many samples stand at full scale."""
    timeline, clips, sounds = converse(ASK, cache=tmp_path)
    samples = user_audio(timeline, clips, sounds, replace(dry(), overdrive_db=6), 0)
    assert np.mean(np.abs(samples) == 1) > 0.05


def test_a_conversation_without_visitors_speech_has_only_noise(tmp_path: Path) -> None:
    """The noise is then measured against speech that might have been."""
    timeline, clips, sounds = converse(
        NoiseBed(id="n1", noise="hum", snr_db=20), Sound(id="s1", sound="door"), cache=tmp_path, tail_ms=3000
    )
    samples = user_audio(timeline, clips, sounds, dry(), 0)
    assert 20 * np.log10(root_mean_square(samples[-16_000:])) == pytest.approx(-45, abs=2)


def test_clips_that_do_not_fit_are_errors(tmp_path: Path) -> None:
    """A missing clip, another text's, one that is shorter than its piece."""
    timeline, clips, sounds = converse(ASK, agent("a1", "u1"), cache=tmp_path)
    with pytest.raises(InvalidInput, match="no clip of 'u1'"):
        user_audio(timeline, {"a1": clips["a1"]}, sounds, dry(), 0)
    with pytest.raises(InvalidInput, match="that says 'x y'"):
        agent_audio(timeline, {**clips, "a1": clip("x y")})
    short = replace(clips["a1"], samples=clips["a1"].samples[:5000])
    with pytest.raises(InvalidInput, match="schedule with the same clips"):
        agent_audio(timeline, {**clips, "a1": short})
