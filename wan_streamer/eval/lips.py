"""The lips judge: whether the lips in a film belong to its sound, and how far they are apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.face_landmarks import FaceLandmarkJudge, Frames
from wan_streamer.eval.face_measures import FaceMeasures, measure_face
from wan_streamer.eval.judge import Availability
from wan_streamer.eval.lip_offset import LipOffset, find_lip_offset
from wan_streamer.eval.openness import OpennessModel, load_openness
from wan_streamer.train.data.sources.cache import DataCache


@dataclass(frozen=True, kw_only=True, eq=False)
class TalkingFilm:
    """A film of one face at 25 frames a second and its sound.

    Attributes:
        frames: uint8 [frames, height, width, 3], sRGB.
        samples: mono, from the first frame on.
    """

    frames: Frames
    samples: NDArray[np.floating]
    rate_hz: int


@dataclass(frozen=True, kw_only=True, eq=False)
class LipVerdict:
    """What the judge found in one film.

    Attributes:
        offset: None when too few frames show a face with moving lips.
        face: all curves of the face, for further questions.
    """

    offset: LipOffset | None
    face: FaceMeasures


class LipJudge:
    """Lip gap seen by MediaPipe against openness heard by a small regression; its scores are not SyncNet's."""

    name = "lips"
    measures = "how much later the sound comes than the lips, and how well they fit (correlation)"

    def __init__(self, cache: DataCache | None = None, *, landmarks: FaceLandmarkJudge | None = None) -> None:
        self._landmarks = landmarks or FaceLandmarkJudge(cache)

    def availability(self) -> Availability:
        """Needs what the face landmarks judge needs."""
        return self._landmarks.availability()

    def judge(self, films: Sequence[TalkingFilm], *, scale: float = 1.0) -> list[LipVerdict]:
        """A verdict for each film; pass many at once, starting MediaPipe takes some seconds.

        Args:
            scale: how far frames are enlarged before MediaPipe sees them.

        Raises:
            InvalidInput: the judge is unavailable, or these are no films with sound.
        """
        found = self._landmarks.landmarks([film.frames for film in films], scale=scale)
        faces = [measure_face(points) for points in found]
        return [
            LipVerdict(offset=self.offset(face, film.samples, film.rate_hz), face=face)
            for film, face in zip(films, faces, strict=True)
        ]

    def offset(self, face: FaceMeasures, samples: NDArray[np.floating], rate_hz: int) -> LipOffset | None:
        """How much later mono samples, [S], come than the lips of a measured face; None as in `LipVerdict`.

        Raises:
            InvalidInput: this is no sound.
        """
        heard = self._model.hear(samples, rate_hz)
        try:
            return find_lip_offset(face.lip_gap, heard)
        except InvalidInput as error:
            if error.reason != "LIPS":
                raise
            return None

    @cached_property
    def _model(self) -> OpennessModel:
        return load_openness()
