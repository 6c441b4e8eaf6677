"""CMU Flite as Debian builds it: four American and Scottish speakers at 16 kHz."""

import io
import stat
import wave
from pathlib import Path
from typing import Final

import numpy as np

from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.recipes import flite_voices
from wan_streamer.train.data.voices.engine import Sound, run_engine, unpacked
from wan_streamer.train.data.voices.names import VoiceName

_LIBRARIES: Final = "usr/lib/x86_64-linux-gnu"


class Flite:
    """Runs the unpacked program once a sentence; nothing is installed.

    Raises:
        InvalidInput: it is not fetched.
    """

    def __init__(self, cache: DataCache) -> None:
        self._recipe = flite_voices()
        folders = unpacked(cache, self._recipe)
        self._program = folders[0] / "usr/bin/flite"
        _make_runnable(self._program)
        self._libraries = ":".join(str(folder / _LIBRARIES) for folder in folders[1:])

    @property
    def version(self) -> str:
        """Name and version."""
        return f"flite {self._recipe.packages[0].version}"

    def speak(self, name: VoiceName, text: str) -> Sound:
        """Says a text.

        Raises:
            InvalidInput: the program failed.
        """
        command: list[str | Path] = [self._program, "-voice", name.speaker, "-t", text, "-o", "/dev/stdout"]
        data = run_engine(command, environment={"LD_LIBRARY_PATH": self._libraries})
        return wav_sound(data)


def wav_sound(data: bytes) -> Sound:
    """A 16-bit mono WAV file as sound."""
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return Sound(samples=(samples / np.float32(32768)).astype(np.float32), sample_rate_hz=file.getframerate())


def _make_runnable(program: Path) -> None:
    mode = program.stat().st_mode
    if not mode & stat.S_IXUSR:
        program.chmod(mode | stat.S_IXUSR)
