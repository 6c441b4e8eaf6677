"""Where the mouth is in each frame, and how the lips follow the curve that commanded them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.face_landmarks import Landmarks
from wan_streamer.eval.face_measures import measure_face
from wan_streamer.eval.lip_offset import STEP_MS, find_lip_offset, lip_curve_correlation
from wan_streamer.unit import FRAME_US

# Outer lips in MediaPipe's face mesh: corners, top and bottom.
OUTER_LIPS: Final = (61, 291, 0, 17)
# Beyond the lips, as a share of the mouth's width: where chin and cheeks move with them.
MARGIN: Final = 0.25
STEPS_A_FRAME: Final = round(FRAME_US / 1000 / STEP_MS)
IN_SYNC_MS: Final = 40.0

Film = NDArray[np.uint8]
Curve = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LipFollowing:
    """How measured lips follow the commanded jaw, over clips.

    Attributes:
        offset_ms: median of the clips; by how much the lips are early.
        in_sync: share of the clips within 40 ms.
        correlation: mean of the clips, on time.
        seen: share of the frames in which a face is found.
    """

    offset_ms: float
    in_sync: float
    correlation: float
    seen: float


def follow_lips(landmarks: Sequence[Landmarks], jaws: Sequence[Curve]) -> LipFollowing:
    """Lips of films, [frames, 478, 3] each, against the jaw that was commanded in them, [frames].

    Raises:
        InvalidInput: LIPS, too few frames with a face, or lips or jaw never move.
    """
    faces = [measure_face(points) for points in landmarks]
    pairs = [(face.lip_gap, jaw) for face, jaw in zip(faces, jaws, strict=True)]
    offsets = np.asarray([find_lip_offset(gap, _every_step(jaw)).offset_ms for gap, jaw in pairs])
    return LipFollowing(
        offset_ms=float(np.median(offsets)),
        in_sync=float((np.abs(offsets) <= IN_SYNC_MS).mean()),
        correlation=float(np.mean([lip_curve_correlation(gap, jaw) for gap, jaw in pairs])),
        seen=float(np.mean(np.concatenate([np.isfinite(face.lip_gap) for face in faces]))),
    )


def mouth_pairs(
    original: Sequence[Film], coded: Sequence[Film], landmarks: Sequence[Landmarks]
) -> Iterator[tuple[Film, Film]]:
    """Both mouths of every frame in which the original shows a face."""
    for before, after, points in zip(original, coded, landmarks, strict=True):
        for first, second, face in zip(before, after, points, strict=True):
            if np.isfinite(face).all():
                rows, columns = _box(face, first.shape[0], first.shape[1])
                if first[rows, columns].size:
                    yield first[rows, columns], second[rows, columns]


def _box(face: NDArray[np.float32], height: int, width: int) -> tuple[slice, slice]:
    lips = face[list(OUTER_LIPS), :2]
    margin = MARGIN * float(np.ptp(lips[:, 0]))
    left, top = np.floor(lips.min(0) - margin).astype(int)
    right, bottom = np.ceil(lips.max(0) + margin).astype(int)
    return slice(max(0, top), min(height, bottom)), slice(max(0, left), min(width, right))


def _every_step(jaw: Curve) -> Curve:
    """The curve every 10 ms; a frame's value stands at its middle."""
    middles = (np.arange(len(jaw)) + 0.5) * STEPS_A_FRAME
    return np.asarray(np.interp(np.arange(len(jaw) * STEPS_A_FRAME + 1), middles, jaw))
