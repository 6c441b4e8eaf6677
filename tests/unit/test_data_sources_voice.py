"""The agent's voice: files whole, resumable and the same again."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.sentences import Sentence
from wan_streamer.train.data.sources.voice import SAMPLE_RATE_HZ, Spoken, speak_all

SENTENCES = [
    Sentence(text=f"This is {name} speaking.", source="test", licence="CC0-1.0") for name in ("one", "two", "three")
]


class Beeper:
    """A voice of one tone, as long as the text; counts what it is asked for and may fail at one sentence."""

    def __init__(self, fails_at: str | None = None) -> None:
        self.said: list[str] = []
        self._fails_at = fails_at

    def __call__(self, text: str, seed: int) -> NDArray[np.float32]:
        if text == self._fails_at:
            raise KeyboardInterrupt
        self.said.append(text)
        noise = np.random.default_rng(seed).standard_normal(len(text) * 240)
        return np.float32(0.5) * np.tanh(noise).astype(np.float32)


def spoken(out: Path, voice: Beeper, *, sentences: list[Sentence] = SENTENCES, name: str = "beep 1") -> Spoken:
    return speak_all(sentences, out, voice, name, seed=0, console=Console(quiet=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_sentence_has_sound_text_and_a_row(tmp_path: Path) -> None:
    """24 kHz mono 16 bit, the text beside it, and a manifest with source, licence and length."""
    made = spoken(tmp_path, Beeper())
    header, *rows = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert (header["files"], header["voice"]) == (3, "beep 1")
    for index, (row, sentence) in enumerate(zip(rows, SENTENCES, strict=True)):
        with wave.open(str(tmp_path / f"{index:04d}.wav")) as sound:
            assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, SAMPLE_RATE_HZ)
            assert sound.getnframes() == row["sample_count"] == len(sentence.text) * 240
        assert (tmp_path / f"{index:04d}.txt").read_text() == sentence.text + "\n"
        assert (row["text"], row["source"], row["licence"]) == (sentence.text, "test", "CC0-1.0")
    assert made.seconds == made.made_seconds == sum(row["sample_count"] for row in rows) / SAMPLE_RATE_HZ


def test_an_interrupted_run_goes_on_and_ends_in_the_same_files(tmp_path: Path) -> None:
    """Ctrl-C leaves only whole files; the second run speaks only what is missing; the result is the same."""
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    with pytest.raises(KeyboardInterrupt):
        spoken(broken, Beeper(fails_at=SENTENCES[1].text))
    assert set(contents(broken)) == {"voice.json", "0000.wav", "0000.txt"}
    voice = Beeper()
    assert spoken(broken, voice).made_seconds < spoken(whole, Beeper()).made_seconds
    assert voice.said == [SENTENCES[1].text, SENTENCES[2].text]
    assert contents(broken) == contents(whole)


def test_a_changed_text_or_damaged_sound_is_spoken_again(tmp_path: Path) -> None:
    """A file is kept only if it is whole and says this text."""
    spoken(tmp_path, Beeper())
    before = contents(tmp_path)
    (tmp_path / "0000.wav").write_bytes(before["0000.wav"][:20])
    (tmp_path / "0001.txt").write_text("Something else.\n")
    (tmp_path / "0002.wav").write_bytes(before["0002.wav"][:-2000])
    voice = Beeper()
    spoken(tmp_path, voice)
    assert voice.said == [sentence.text for sentence in SENTENCES]
    assert contents(tmp_path) == before


def test_two_voices_do_not_mix(tmp_path: Path) -> None:
    """A folder made by one voice is not continued by another."""
    spoken(tmp_path, Beeper())
    with pytest.raises(InvalidInput, match="name another --out"):
        spoken(tmp_path, Beeper(), name="beep 2")


def test_a_sentence_without_sound_is_an_error(tmp_path: Path) -> None:
    """A text that the voice cannot say is named."""
    with pytest.raises(InvalidInput, match="got no sound for ''"):
        spoken(tmp_path, Beeper(), sentences=[Sentence(text="", source="test", licence="")])


def test_the_real_voice_says_the_same_again(tmp_path: Path) -> None:
    """hibari-tts gives speech at 24 kHz that depends on text and seed alone."""
    pytest.importorskip("hibari", reason="hibari-tts is in the train extra")
    from wan_streamer.train.data.sources.voice import hibari_voice

    voice, name = hibari_voice()
    first = voice("Hello, how can I help you?", 1)
    assert name.startswith("hibari-tts 0.")
    assert 1.0 < len(first) / SAMPLE_RATE_HZ < 4.0
    assert np.array_equal(first, voice("Hello, how can I help you?", 1))
