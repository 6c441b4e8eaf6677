"""The environment of its own in which MediaPipe lives: it needs numpy < 2 and protobuf < 5."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.judge import Availability, Available, Unavailable
from wan_streamer.train.data.sources.cache import DataCache

REQUIREMENTS: Final = Path(__file__).with_name("mediapipe_requirements.txt")
PROGRAM: Final = Path(__file__).with_name("mediapipe_program.py")
LAST_PYTHON: Final = (3, 12)  # of the wheels of mediapipe 0.10.21


def mediapipe_folder(cache: DataCache) -> Path:
    """Where the environment lies; other requirements or another Python have another folder."""
    mark = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:8]
    return cache.root.parent / "eval" / f"mediapipe-py{sys.version_info.major}.{sys.version_info.minor}-{mark}"


def mediapipe_python(folder: Path) -> Path:
    """Its interpreter."""
    return folder / "bin" / "python"


def find_mediapipe(folder: Path) -> Availability:
    """Whether it is made."""
    if mediapipe_python(folder).exists():
        return Available()
    if sys.version_info[:2] > LAST_PYTHON:
        return Unavailable("MediaPipe 0.10.21 needs Python 3.12 or older; run this with one")
    return Unavailable(f"MediaPipe's environment {folder} is missing; run wan-streamer eval setup")


def make_mediapipe(folder: Path) -> None:
    """Makes it unless it is there: beside its place, then renamed.

    Raises:
        InvalidInput: EVAL_SETUP, pip cannot install it; the message ends with what it said.
    """
    if mediapipe_python(folder).exists():
        return
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        venv.create(part, with_pip=True)
        _install(part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _install(folder: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "-r", str(REQUIREMENTS)]
    done = subprocess.run(  # noqa: S603  (a fixed program)
        [str(mediapipe_python(folder)), "-m", "pip", "install", *options], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "nothing"
        raise InvalidInput(
            f"got no MediaPipe (pip said: {last}); check the network and pip's settings and run wan-streamer eval "
            "setup again",
            reason="EVAL_SETUP",
        )
