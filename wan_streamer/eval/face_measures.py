"""From landmarks to what a face does: lips, eyelids, gaze, head pose, blinks, nods. Shares of sizes of the face."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.face_landmarks import Landmarks

Curve = NDArray[np.float64]

# Indices of MediaPipe's face mesh. Pairs are upper and lower points.
INNER_LIPS: Final = ((13, 14), (82, 87), (312, 317))
MOUTH_CORNERS: Final = (78, 308)
FOREHEAD, CHIN, NOSE_BRIDGE = 10, 152, 168
TEMPLES: Final = (234, 454)
# "left" and "right" are the picture's sides.
LEFT_LIDS: Final = ((159, 145), (158, 153), (160, 144))
RIGHT_LIDS: Final = ((386, 374), (385, 380), (387, 373))
LEFT_CORNERS, RIGHT_CORNERS = (33, 133), (362, 263)
LEFT_IRIS, RIGHT_IRIS = 468, 473
SHUT_SHARE: Final = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceMeasures:
    """Curves of one film, [frames] each; NaN where no face is seen.

    Attributes:
        lip_gap: between the inner lips, as a share of the way from nose bridge to forehead (which no mouth moves).
        mouth_width: between the corners, as the same share.
        eye_opening: of the lids, as a share of the eyes' width; the mean of both.
        gaze_x: of the irises between the corners of the eyes, 0 is the middle, positive to the picture's right.
        yaw, pitch, roll: of the head in rad: to the picture's right, down, and counter-clockwise are positive.
    """

    lip_gap: Curve
    mouth_width: Curve
    eye_opening: Curve
    gaze_x: Curve
    yaw: Curve
    pitch: Curve
    roll: Curve

    @property
    def seen(self) -> float:
        """Share of the frames with a face."""
        return float(np.isfinite(self.lip_gap).mean())


def measure_face(landmarks: Landmarks) -> FaceMeasures:
    """All curves of a film from its landmarks, [frames, 478, 3]."""
    points = landmarks.astype(np.float64)
    size = _distance(points, NOSE_BRIDGE, FOREHEAD)
    across = points[:, TEMPLES[1]] - points[:, TEMPLES[0]]
    down = points[:, CHIN] - points[:, FOREHEAD]
    eyes = ((LEFT_LIDS, LEFT_CORNERS, LEFT_IRIS), (RIGHT_LIDS, RIGHT_CORNERS, RIGHT_IRIS))
    return FaceMeasures(
        lip_gap=np.mean([_distance(points, *pair) for pair in INNER_LIPS], axis=0) / size,
        mouth_width=_distance(points, *MOUTH_CORNERS) / size,
        eye_opening=np.mean([_opening(points, lids, corners) for lids, corners, _ in eyes], axis=0),
        gaze_x=np.mean([_gaze(points, corners, iris) for _, corners, iris in eyes], axis=0),
        yaw=np.arctan2(across[:, 2], across[:, 0]),
        pitch=np.arctan2(down[:, 2], down[:, 1]),
        roll=np.arctan2(-across[:, 1], across[:, 0]),
    )


def _distance(points: NDArray[np.float64], first: int, second: int) -> Curve:
    return np.asarray(np.linalg.norm(points[:, first] - points[:, second], axis=1))


def _opening(points: NDArray[np.float64], lids: tuple[tuple[int, int], ...], corners: tuple[int, int]) -> Curve:
    return np.asarray(np.mean([_distance(points, *pair) for pair in lids], axis=0) / _distance(points, *corners))


def _gaze(points: NDArray[np.float64], corners: tuple[int, int], iris: int) -> Curve:
    first, second = (points[:, corner, :2] for corner in corners)
    along = second - first
    middle = (first + second) / 2
    return np.asarray(((points[:, iris, :2] - middle) * along).sum(1) / (along**2).sum(1) * 2)


def find_blinks(eye_opening: Curve) -> list[int]:
    """The frames of blinks: where the lids are closest while they are below half of what is usual in the film."""
    with np.errstate(invalid="ignore"):
        shut = eye_opening < SHUT_SHARE * np.nanmedian(eye_opening)
    edges = np.flatnonzero(np.diff(shut, prepend=False, append=False))
    return [int(first + np.argmin(eye_opening[first:end])) for first, end in edges.reshape(-1, 2)]
