"""The face identity judge: whether two pictures show the same face, by dlib's network."""

from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.judge import Availability, require
from wan_streamer.eval.models import FACE_RECOGNITION
from wan_streamer.eval.requirements import find_requirements
from wan_streamer.train.data.sources.cache import DataCache, default_root

MODELS: Final = "face_recognition_models-0.3.0/face_recognition_models/models"
EYES_AND_NOSE: Final = "shape_predictor_5_face_landmarks.dat"
NETWORK: Final = "dlib_face_recognition_resnet_model_v1.dat"
# The detector sees faces from 80 pixels; smaller pictures are enlarged until they are this high.
LEAST_HEIGHT: Final = 384


class FaceIdentityJudge:
    """Distance of two faces: 0 is the same picture. Rendered faces lie closer to each other than people's do."""

    name = "face identity"
    measures = "distance of two faces (dlib's face recognition network)"

    def __init__(self, cache: DataCache | None = None) -> None:
        self._cache = cache or DataCache(default_root())

    def availability(self) -> Availability:
        """Needs dlib and the fetched models."""
        return find_requirements(("dlib",), (FACE_RECOGNITION,), self._cache)

    def embed(self, picture: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """The largest face of a picture [height, width, 3], sRGB, as a vector [128]; None when no face is seen.

        Raises:
            InvalidInput: the judge is unavailable, or this is no picture.
        """
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise InvalidInput(
                f"got a picture of shape {picture.shape} and type {picture.dtype}, expected uint8 [height, width, 3]",
                reason="PICTURE",
            )
        detector, predictor, network = self._networks
        large = enlarge(picture, LEAST_HEIGHT)
        faces = detector(large, 0)
        if not faces:
            return None
        face = max(faces, key=lambda found: found.area())
        return np.asarray(network.compute_face_descriptor(large, predictor(large, face)), np.float32)

    def distance(self, first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
        """Of two vectors of `embed`."""
        return float(np.linalg.norm(first - second))

    @cached_property
    def _networks(self) -> tuple[Any, Any, Any]:
        require(self)
        import dlib

        folder = self._cache.unpacked_path(FACE_RECOGNITION) / MODELS
        return (
            dlib.get_frontal_face_detector(),
            dlib.shape_predictor(str(folder / EYES_AND_NOSE)),
            dlib.face_recognition_model_v1(str(folder / NETWORK)),
        )


def enlarge(picture: NDArray[np.uint8], least_height: int) -> NDArray[np.uint8]:
    """The picture by the least whole factor that makes it so high, bicubic."""
    from PIL import Image

    factor = -(-least_height // picture.shape[0])
    if factor <= 1:
        return np.ascontiguousarray(picture)
    size = (picture.shape[1] * factor, picture.shape[0] * factor)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
