"""How the people of a conversation move: named curves, one value a frame at 25 Hz, from which every picture follows.

They are small (a few MB an hour) and exact: a renderer draws a frame from a row of them alone.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.unit import FRAMES_PER_UNIT


def _sides(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{side}" for name in names for side in ("Left", "Right"))


# Facial actions, ARKit's names, weights 0 to 1.
FACE_ACTIONS: Final = (
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "tongueOut",
    *_sides("mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile", "mouthFrown", "mouthPress", "cheekSquint"),
    "cheekPuff", "browInnerUp",
    *_sides("browOuterUp", "browDown", "eyeBlink", "eyeSquint", "eyeWide", "eyeLookUp", "eyeLookDown"),
)  # fmt: skip
# Radians: rotation vector of the head (pitch: down is positive; yaw: to the viewer's right is positive; roll), and
# yaw and pitch of the eyes relative to the head.
POSE: Final = ("head_pitch", "head_yaw", "head_roll", "gaze_yaw", "gaze_pitch")
# Metres: the chest's lift, and where the whole body stands relative to its place (x to the viewer's right, y up,
# z towards the viewer). Somebody who is away stands outside the picture.
BODY: Final = ("breath", "body_x", "body_y", "body_z")
# hand_raise and item_raise, 0 (out of the picture) to 1 (beside the head); hand_sway, -1 to 1, of a waving hand.
HANDS: Final = ("hand_raise", "hand_sway", "item_raise")
COLUMNS: Final = (*FACE_ACTIONS, *POSE, *BODY, *HANDS)
# One step of a stored value: 0.0005 rad or 0.5 mm is below what a picture of 368 rows can show.
STEP: Final = 1 / 2000


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """One person's movement. Values are rounded to STEP when made, so that stored and fresh curves are the same.

    Attributes:
        values_FC: [frames, len(COLUMNS)] float32.

    Raises:
        InvalidInput: another shape, or values that are not finite or not within -16 to 16.
    """

    values_FC: NDArray[np.float32]

    def __post_init__(self) -> None:
        values = np.asarray(self.values_FC, np.float64)
        if values.ndim != 2 or values.shape[1] != len(COLUMNS):
            raise InvalidInput(f"got curves of shape {values.shape}, expected [F, {len(COLUMNS)}]", reason="CURVES")
        if not (np.abs(values) <= 16).all():
            raise InvalidInput(
                "got curves that are not finite or beyond +-16, expected weights, rad and m", reason="CURVES"
            )
        object.__setattr__(self, "values_FC", (np.rint(values / STEP) * STEP).astype(np.float32))

    @property
    def frame_count(self) -> int:
        """How many frames."""
        return len(self.values_FC)

    def column(self, name: str) -> NDArray[np.float32]:
        """One curve, [frames]."""
        return self.values_FC[:, COLUMNS.index(name)]

    def row(self, frame: int) -> dict[str, float]:
        """All values of one frame by their names."""
        return dict(zip(COLUMNS, self.values_FC[frame].tolist(), strict=True))

    def to_bytes(self) -> bytes:
        """Steps from frame to frame, a column after the other, 16 bits each: small once compressed."""
        steps = np.rint(self.values_FC / STEP).astype(np.int16)
        return np.diff(steps, axis=0, prepend=np.zeros((1, len(COLUMNS)), np.int16)).T.astype("<i2").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Curves":
        """What `to_bytes` wrote.

        Raises:
            InvalidInput: it is no whole number of units long.
        """
        frames, rest = divmod(len(data), 2 * len(COLUMNS))
        if rest or frames % FRAMES_PER_UNIT:
            raise InvalidInput(
                f"got {len(data)} bytes of curves, expected whole units of {len(COLUMNS)} columns; make the data again",
                reason="CURVES",
            )
        steps = np.cumsum(np.frombuffer(data, "<i2").reshape(len(COLUMNS), frames), axis=1, dtype=np.int16)
        return cls(values_FC=(steps.T * STEP).astype(np.float32))
