"""The agent speaks: sentences in, one 24 kHz mono WAV file for each out, resumable."""

import hashlib
import json
import os
import time
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.sentences import Sentence

SAMPLE_RATE_HZ: Final = 24_000
MANIFEST_NAME: Final = "manifest.jsonl"
FORMAT: Final = "wan-streamer-voice-1"
INT16_MAX: Final = 32767

# Sentence, seed of the breath in the voice -> samples in -1..1 at SAMPLE_RATE_HZ
Speak = Callable[[str, int], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What a run has made: `seconds` of speech by all sentences, `made_seconds` of it now, in `wall_seconds`."""

    sentence_count: int
    seconds: float
    made_seconds: float
    wall_seconds: float

    @property
    def speed(self) -> float:
        """Seconds of speech made in a second."""
        return self.made_seconds / self.wall_seconds if self.wall_seconds else 0.0


def hibari_voice() -> tuple[Speak, str]:
    """The agent's voice, and its name with version.

    Raises:
        InvalidInput: hibari-tts is not installed.
    """
    try:
        from hibari import Hibari
    except ImportError as error:
        raise InvalidInput(
            "got no hibari-tts, expected it to speak; python -m pip install 'wan-streamer[train]'",
            reason="MISSING_EXTRA",
        ) from error
    from importlib.metadata import version

    voice = Hibari()
    return lambda text, seed: np.asarray(voice(text, seed=seed), np.float32), f"hibari-tts {version('hibari-tts')}"


def speak_all(
    sentences: Sequence[Sentence], out: Path, speak: Speak, voice: str, *, seed: int, console: Console
) -> Spoken:
    """Writes NNNN.wav and NNNN.txt for each sentence and a manifest; what is there already with the same text stays.

    Every file appears whole or not at all. The same sentences, voice and seed give the same files.

    Raises:
        InvalidInput: the voice made no sound of a sentence, or the folder holds another voice or seed.
    """
    out.mkdir(parents=True, exist_ok=True)
    _check_same_voice(out, voice, seed)
    began, made_samples, total_samples = time.monotonic(), 0, 0
    rows = []
    columns = (TextColumn("speaking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for index, sentence in enumerate(progress.track(sentences)):
            path = out / f"{index:04d}.wav"
            sample_count = _kept_samples(path, sentence.text)
            if sample_count is None:
                samples = speak(sentence.text, _seed_of(sentence.text, seed))
                if not len(samples):
                    raise InvalidInput(f"got no sound for {sentence.text!r}; remove it", reason="VOICE")
                _write(path, samples, sentence.text)
                sample_count = len(samples)
                made_samples += sample_count
            total_samples += sample_count
            rows.append(_row(path, sentence, sample_count))
    header = {"format": FORMAT, "voice": voice, "seed": seed, "sample_rate_hz": SAMPLE_RATE_HZ, "files": len(rows)}
    replace_file(out / MANIFEST_NAME, "".join(json.dumps(row) + "\n" for row in (header, *rows)).encode())
    return Spoken(
        sentence_count=len(rows),
        seconds=total_samples / SAMPLE_RATE_HZ,
        made_seconds=made_samples / SAMPLE_RATE_HZ,
        wall_seconds=time.monotonic() - began,
    )


def _row(path: Path, sentence: Sentence, sample_count: int) -> dict[str, object]:
    return {
        "file": path.name,
        "text": sentence.text,
        "source": sentence.source,
        "licence": sentence.licence,
        "sample_count": sample_count,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _check_same_voice(out: Path, voice: str, seed: int) -> None:
    """The choice is written before the first file, so that an interrupted run is continued with the same voice."""
    mark = out / "voice.json"
    wanted = {"format": FORMAT, "voice": voice, "seed": seed}
    if not mark.exists():
        replace_file(mark, json.dumps(wanted).encode())
        return
    found = json.loads(mark.read_text())
    if found != wanted:
        raise InvalidInput(f"got {out} made by {found}, expected {wanted}; name another --out", reason="VOICE")


def _kept_samples(path: Path, text: str) -> int | None:
    """Samples of a file made earlier, if it says this text."""
    words = path.with_suffix(".txt")
    if not (path.is_file() and words.is_file() and words.read_text("utf-8") == text + "\n"):
        return None
    try:
        with wave.open(str(path)) as sound:
            count = sound.getnframes()
            return count if len(sound.readframes(count)) == count * sound.getsampwidth() else None
    except (wave.Error, EOFError):
        return None


def _write(path: Path, samples: NDArray[np.float32], text: str) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        with wave.open(str(part), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLE_RATE_HZ)
            sound.writeframes(np.rint(np.clip(samples, -1.0, 1.0) * INT16_MAX).astype("<i2").tobytes())
        # The text goes first away and comes last: a sound without its text is made again.
        path.with_suffix(".txt").unlink(missing_ok=True)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    replace_file(path.with_suffix(".txt"), (text + "\n").encode())


def _seed_of(text: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:4], "big")
