"""Whether the agent stays the same person in the same place for a long time."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.conversations.intervals import bootstrap
from wan_streamer.eval.conversations.long_look import SAMPLE_S, LongLook
from wan_streamer.eval.conversations.score import Failed, NoTrials, Result, Score
from wan_streamer.eval.judge import Unavailable

# The first and the last tenth of a talk.
EDGE_SHARE: Final = 0.1
LEAST_SAMPLES: Final = 10
# Neighbouring pictures are alike, so the bootstrap draws blocks.
BLOCK_SAMPLES: Final = 5


def face_distance(look: LongLook) -> Result:
    """Mean distance (dlib) of the faces of the last tenth of a long talk to those of its first tenth.

    Above 0.38 they are two people (docs/judges.md).
    """
    if isinstance(look.faces, Unavailable):
        return look.faces
    count = max(1, int(len(look.faces) * EDGE_SHARE))
    early, late = ([face for face in faces if face is not None] for faces in (look.faces[:count], look.faces[-count:]))
    if not early or not late:
        return Failed(f"a face in {len(early)} of {count} early and {len(late)} of {count} late pictures")
    distances = [float(np.linalg.norm(a - b)) for a in early for b in late]
    return Score(value=float(np.mean(distances)), count=len(distances), counted="pairs", note=_length(look))


def picture_drift(look: LongLook, seed: int) -> Result:
    """By how many grey levels of 255 the picture goes away from its first tenth, in 10 minutes: slope of a line.

    Of pictures every 2 s, their rows and columns averaged in blocks of 8, which hides lips and blinks. The interval is
    of a bootstrap over blocks of 10 s; without a trend it holds 0.
    """
    if len(look.levels) < LEAST_SAMPLES:
        return NoTrials(f"{len(look.levels) * SAMPLE_S:.0f} s are too short for a trend")
    count = max(1, int(len(look.levels) * EDGE_SHARE))
    distances = np.abs(look.levels - look.levels[:count].mean(0)).mean((1, 2, 3))
    minutes = np.arange(len(distances)) * SAMPLE_S / 60
    points = np.stack([minutes, distances], axis=1)[count:]
    blocks = [points[first : first + BLOCK_SAMPLES] for first in range(0, len(points), BLOCK_SAMPLES)]
    low, high = bootstrap(blocks, _slope, seed)
    return Score(value=_slope(blocks), low=low, high=high, count=len(points), counted="pictures", note=_length(look))


def _slope(blocks: Sequence[NDArray[np.float64]]) -> float:
    minutes, distances = np.concatenate(blocks).T
    spread = minutes - minutes.mean()
    return float(10 * (spread * distances).sum() / max((spread**2).sum(), 1e-9))


def _length(look: LongLook) -> str:
    return f"{len(look.levels) * SAMPLE_S / 60:.1f} min"
