"""Pictures of a long talk, one every 2 s: the face in each, and its levels."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.conversations.talk_folder import TalkFolder
from wan_streamer.eval.face_identity import FaceIdentityJudge
from wan_streamer.eval.judge import Unavailable
from wan_streamer.unit import FRAMES_PER_SECOND

SAMPLE_S: Final = 2.0
BLOCK_PIXELS: Final = 8

Face = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class LongLook:
    """What is seen of a long talk.

    Attributes:
        faces: a vector [128] for each picture, None where no face is seen.
        levels: of each picture, averaged in blocks of 8 x 8 pixels, [pictures, rows, columns, 3].
    """

    faces: tuple[Face | None, ...] | Unavailable
    levels: NDArray[np.float32]


def look_long(folder: TalkFolder, judge: FaceIdentityJudge) -> LongLook:
    """Looks at a long talk.

    Raises:
        InvalidInput: the talk is damaged.
    """
    found = judge.availability()
    faces, levels = [], []
    for index, frame in enumerate(folder.frames()):
        if index % round(SAMPLE_S * FRAMES_PER_SECOND):
            continue
        levels.append(_levels(frame))
        if not isinstance(found, Unavailable):
            faces.append(judge.embed(frame))
    return LongLook(faces=found if isinstance(found, Unavailable) else tuple(faces), levels=np.stack(levels))


def _levels(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = (size // BLOCK_PIXELS * BLOCK_PIXELS for size in frame.shape[:2])
    blocks = frame[:height, :width].reshape(height // BLOCK_PIXELS, BLOCK_PIXELS, width // BLOCK_PIXELS, -1, 3)
    return np.asarray(blocks.astype(np.float32).mean((1, 3)), np.float32)
