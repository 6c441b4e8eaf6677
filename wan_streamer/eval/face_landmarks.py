"""The face landmarks judge: 478 points on a face in every frame, by MediaPipe in a process of its own."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.judge import Availability, require
from wan_streamer.eval.mediapipe_environment import PROGRAM, find_mediapipe, mediapipe_folder, mediapipe_python
from wan_streamer.train.data.sources.cache import DataCache, default_root

LANDMARK_COUNT: Final = 478
START_LIMIT_S: Final = 60.0
FRAME_LIMIT_S: Final = 1.0  # 30 times what one takes on a slow core

Frames = NDArray[np.uint8]
Landmarks = NDArray[np.float32]


class FaceLandmarkJudge:
    """MediaPipe's face mesh.

    Args:
        environment: folder of MediaPipe's environment; `wan-streamer eval setup` makes it.
        program: what runs there.
    """

    name = "face landmarks"
    measures = "lips, eyelids, gaze and head pose in every frame (MediaPipe face mesh)"

    def __init__(
        self, cache: DataCache | None = None, *, environment: Path | None = None, program: Path = PROGRAM
    ) -> None:
        self._environment = environment or mediapipe_folder(cache or DataCache(default_root()))
        self._program = program

    def availability(self) -> Availability:
        """Needs the environment of its own."""
        return find_mediapipe(self._environment)

    def landmarks(self, films: Sequence[Frames], *, scale: float = 1.0) -> list[Landmarks]:
        """Points of the largest face, one array [frames, 478, 3] a film: x, y in its pixels, z on x's scale.

        NaN in frames where no face is seen. Starting the process takes some seconds: pass many films at once.

        Args:
            films: uint8 [frames, height, width, 3], sRGB.
            scale: how far frames are enlarged before MediaPipe sees them.

        Raises:
            InvalidInput: the judge is unavailable, these are no films, or its process failed.
        """
        require(self)
        for film in films:
            _check(film)
        with tempfile.TemporaryDirectory(prefix="wan-streamer-eval-") as name:
            folder = Path(name)
            for index, film in enumerate(films):
                np.save(folder / f"{index:03d}.npy", film)
            self._run(folder, scale, sum(map(len, films)))
            return [_read(folder / f"{index:03d}.landmarks.npy", len(film)) for index, film in enumerate(films)]

    def _run(self, folder: Path, scale: float, frame_count: int) -> None:
        limit_s = START_LIMIT_S + FRAME_LIMIT_S * frame_count
        command = [str(mediapipe_python(self._environment)), str(self._program), str(folder), str(scale)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=limit_s, check=False)  # noqa: S603  (our own)
        except subprocess.TimeoutExpired as error:
            raise InvalidInput(f"got no landmarks within {limit_s:.0f} s; try again", reason="JUDGE_FAILED") from error
        except OSError as error:
            raise InvalidInput(f"cannot start {command[0]} ({error}); {_ADVICE}", reason="JUDGE_FAILED") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise InvalidInput(
                f"MediaPipe's process ended with {done.returncode} ({said[-1] if said else 'it said nothing'}); "
                f"{_ADVICE}",
                reason="JUDGE_FAILED",
            )


_ADVICE: Final = "delete its environment and run wan-streamer eval setup again"


def _check(film: Frames) -> None:
    if film.dtype != np.uint8 or film.ndim != 4 or film.shape[3] != 3 or not film.size:
        raise InvalidInput(
            f"got a film of shape {film.shape} and type {film.dtype}, expected uint8 [frames, height, width, 3]",
            reason="FILM",
        )


def _read(path: Path, frame_count: int) -> Landmarks:
    try:
        points = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidInput(f"got no landmarks from MediaPipe ({error}); {_ADVICE}", reason="JUDGE_FAILED") from error
    if not isinstance(points, np.ndarray) or points.shape != (frame_count, LANDMARK_COUNT, 3):
        raise InvalidInput(
            f"got landmarks of another shape, expected [{frame_count}, {LANDMARK_COUNT}, 3]; {_ADVICE}",
            reason="JUDGE_FAILED",
        )
    return np.asarray(points, np.float32)
