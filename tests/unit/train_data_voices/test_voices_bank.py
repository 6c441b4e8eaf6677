"""The bank: names, memory on disk, real voices where they are fetched."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.unit.train_data_voices.speech import Buzzer
from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import words_of
from wan_streamer.train.data.generate.cast import default_cast
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.voices.kokoro import mixed_speaker
from wan_streamer.train.data.voices.names import AGENT_VOICE, USER_VOICES, parse_voice
from wan_streamer.train.data.voices.voice_bank import VoiceBank, engines

SENTENCE = "It opens at 10:30 - doesn't it?"
SHORT_VOICE = "espeak-f4@en-gb-scotland"
ONE_OF_EACH = (
    AGENT_VOICE, "flite-slt", "espeak-f2@en-gb", "espeak-m1@en-029",
    *(pytest.param(voice, marks=pytest.mark.long) for voice in ("piper-joe", "kokoro-kumo", "kokoro-mixture3")),
)  # fmt: skip


def bank(root: Path, buzzer: Buzzer) -> VoiceBank:
    pytest.importorskip("pocketsphinx", reason="aligns speech")
    pytest.importorskip("hibari", reason="pronounces words")
    return VoiceBank(DataCache(root), open_engines={"flite": lambda cache: buzzer})


def test_what_was_said_once_is_kept(tmp_path: Path) -> None:
    """The second time, and in another process's bank, nothing is made and the clip is the same."""
    buzzer = Buzzer()
    first = bank(tmp_path, buzzer)
    clips = [first.speak("flite-slt", "one two"), first.speak("flite-slt", "one two")]
    clips.append(bank(tmp_path, buzzer).speak("flite-slt", "one two"))
    assert buzzer.said == ["one two"]
    assert sum(first.made.values()) == 1
    for clip in clips[1:]:
        assert np.array_equal(clip.samples, clips[0].samples)
        assert (clip.words, clip.phones) == (clips[0].words, clips[0].phones)
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".flac"]


def test_a_sound_that_nobody_can_align_still_has_all_its_times(tmp_path: Path) -> None:
    """Buzzes are no speech: times may be guessed, but every word has one, in order and inside the clip."""
    clip = bank(tmp_path, Buzzer()).speak("flite-slt", "Where is the dinosaur, please?")
    edges = [0, *(edge for word in clip.words for edge in word), clip.duration_us]
    assert len(clip.words) == 5
    assert all(earlier <= later for earlier, later in pairwise(edges))


def test_a_mixture_is_somebody_else() -> None:
    """The same name is the same speaker; another name another; mixed of one and the same it is that one."""
    styles = np.random.default_rng(0).standard_normal((3, 4, 1, 256)).astype(np.float32)
    one, again, other = (mixed_speaker(name, styles) for name in ("mixture1", "mixture1", "mixture2"))
    assert np.array_equal(one.styles, again.styles)
    assert one.speed == again.speed != other.speed
    assert one.styles.shape == (4, 1, 256)
    assert np.abs(one.styles - other.styles).max() > 0.1
    alike = np.repeat(styles[:1], 3, axis=0)
    np.testing.assert_allclose(mixed_speaker("mixture1", alike).styles, styles[0], atol=1e-5)


@pytest.mark.parametrize("voice", ["flite-nobody", "festival-kal", "", "espeak-f2"])
def test_an_unknown_voice_is_an_error(tmp_path: Path, voice: str) -> None:
    """It names those that there are."""
    with pytest.raises(InvalidInput, match="flite-slt"):
        VoiceBank(DataCache(tmp_path)).speak(voice, "Hello.")


def test_a_voice_that_is_not_fetched_is_an_error(tmp_path: Path) -> None:
    """It says what to fetch."""
    with pytest.raises(InvalidInput, match="wan-streamer data fetch flite"):
        VoiceBank(DataCache(tmp_path)).speak("flite-slt", "Hello.")


def test_every_voice_of_the_cast_has_an_engine() -> None:
    """The cast is made of the voices that exist, and the agent's is not among them."""
    assert default_cast().voices == USER_VOICES
    assert {parse_voice(voice).engine for voice in (*USER_VOICES, AGENT_VOICE)} == set(engines())
    assert AGENT_VOICE not in USER_VOICES


def real_bank(root: Path, voice: str) -> VoiceBank:
    """Of the voice's engine, as it is fetched; keeps its clips in `root`."""
    pytest.importorskip("pocketsphinx", reason="aligns speech")
    pytest.importorskip("hibari", reason="speaks and pronounces words")
    pytest.importorskip("onnxruntime", reason="runs the voices")
    name = parse_voice(voice).engine
    try:
        engine = engines()[name](DataCache(default_root()))
    except InvalidInput as error:
        pytest.skip(str(error))
    return VoiceBank(DataCache(root), open_engines={name: lambda _: engine})


@pytest.mark.parametrize("voice", ONE_OF_EACH)
def test_a_real_voice_speaks_with_times(tmp_path: Path, voice: str) -> None:
    """Each engine: aligned, trimmed, the loud part inside the words, and the same again from nothing."""
    banks = [real_bank(tmp_path / folder, voice) for folder in ("one", "two")]
    banks[1].speak(voice, "Hello.")
    clip, again = (bank.speak(voice, SENTENCE) for bank in banks)
    assert np.array_equal(clip.samples, again.samples)
    assert (clip.words, clip.phones) == (again.words, again.phones)
    assert len(clip.words) == len(words_of(SENTENCE))
    assert banks[0].made["guessed"] == 0
    assert clip.words[0][0] <= 50_000
    assert clip.duration_us - clip.words[-1][1] <= 50_000
    assert 1_000_000 < clip.duration_us < 5_000_000


def test_a_short_hum_has_its_words_inside(tmp_path: Path) -> None:
    """Of this voice's "uh-huh" (0.4 s) the aligner once put the second half behind the end of the sound."""
    clip = real_bank(tmp_path, SHORT_VOICE).speak(SHORT_VOICE, "uh-huh")
    assert 0 <= clip.words[0][0] < clip.words[-1][1] <= clip.duration_us
