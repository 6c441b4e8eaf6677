"""What a speech synthesiser must do for us."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.recipes import Recipe
from wan_streamer.train.data.voices.names import VoiceName

TIME_LIMIT_S: Final = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Sound:
    """Raw speech: mono, float32, -1 to 1."""

    samples: NDArray[np.float32]
    sample_rate_hz: int


class Engine(Protocol):
    """A synthesiser. The same name and text always give the same sound, whatever was said before."""

    @property
    def version(self) -> str:
        """Name and version; a clip of another version is made again."""

    def speak(self, name: VoiceName, text: str) -> Sound:
        """Says a text without figures.

        Raises:
            InvalidInput: it failed.
        """


def unpacked(cache: DataCache, recipe: Recipe) -> list[Path]:
    """The folders of a recipe's packages.

    Raises:
        InvalidInput: they are not fetched.
    """
    if not all(cache.has(package) for package in recipe.packages):
        raise InvalidInput(
            f"got no {recipe.name} in {cache.root}, expected it fetched; run wan-streamer data fetch {recipe.name}",
            reason="SOURCE",
        )
    return [cache.unpacked_path(package) for package in recipe.packages]


def run_engine(
    command: Sequence[str | Path], *, request: str = "", environment: Mapping[str, str] | None = None
) -> bytes:
    """What a synthesiser's program writes when `request` is its standard input.

    Raises:
        InvalidInput: it cannot be started, fails or does not end.
    """
    arguments = [str(part) for part in command]
    try:
        done = subprocess.run(  # noqa: S603  (a fixed program of a pinned package)
            arguments,
            input=request.encode(),
            capture_output=True,
            env={**os.environ, **(environment or {})},
            timeout=TIME_LIMIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", None) or b""
        raise InvalidInput(
            f"got no speech ({error} {detail.decode(errors='replace').strip()} {request}), expected some; "
            "the fetched programs are for Linux on x86-64",
            reason="VOICE",
        ) from error
    return done.stdout
