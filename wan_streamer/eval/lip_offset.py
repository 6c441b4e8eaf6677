"""How far sound and lips are apart: where the lips seen fit the openness heard best."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.openness import STEP_S, Curve
from wan_streamer.unit import FRAME_US

STEP_MS: Final = STEP_S * 1000
REACH_MS: Final = 320
FRAME_MS: Final = FRAME_US / 1000
LEAST_FRAMES: Final = 25


@dataclass(frozen=True, kw_only=True)
class LipOffset:
    """Where lips and sound fit best.

    Attributes:
        offset_ms: how much later the sound comes than the lips; negative when it comes first.
        correlation: there; lips and sound that do not belong together reach 0.6, so below that it means nothing.
        correlation_on_time: at an offset of 0.
    """

    offset_ms: float
    correlation: float
    correlation_on_time: float


def find_lip_offset(lip_gap: Curve, openness: Curve, *, reach_ms: int = REACH_MS) -> LipOffset:
    """The offset, finer than a frame.

    Args:
        lip_gap: seen, one a frame of 40 ms, [frames]; NaN where no face is seen.
        openness: heard, one each 10 ms (`OpennessModel.hear`), [steps].
        reach_ms: offsets are looked for up to this.

    Raises:
        InvalidInput: LIPS, fewer than 25 frames with a face, or lips that never move.
    """
    known = np.isfinite(lip_gap)
    if known.sum() < LEAST_FRAMES or np.ptp(lip_gap[known]) == 0:
        raise InvalidInput(
            f"got {int(known.sum())} frames with a face, expected {LEAST_FRAMES} or more with lips that move",
            reason="LIPS",
        )
    steps = int(reach_ms // STEP_MS)
    offsets = np.arange(-steps, steps + 1)
    fits = np.asarray([_fit(lip_gap, known, openness, float(offset)) for offset in offsets])
    best = int(fits.argmax())
    place, height = _summit(fits, best)
    return LipOffset(
        offset_ms=float(offsets[0] + place) * STEP_MS, correlation=height, correlation_on_time=float(fits[steps])
    )


def lip_curve_correlation(lip_gap: Curve, commanded: Curve) -> float:
    """Correlation of a lip gap that was measured with the curve that commanded it, both [frames].

    Raises:
        InvalidInput: LIPS, other lengths, or one of them does not move.
    """
    if lip_gap.shape != commanded.shape:
        raise InvalidInput(f"got curves {lip_gap.shape} and {commanded.shape}, expected equal lengths", reason="LIPS")
    known = np.isfinite(lip_gap)
    if known.sum() < 2 or np.ptp(lip_gap[known]) == 0 or np.ptp(commanded[known]) == 0:
        raise InvalidInput("got lips that do not move, expected speech", reason="LIPS")
    return float(np.corrcoef(lip_gap[known], commanded[known])[0, 1])


def _fit(lip_gap: Curve, known: np.ndarray[tuple[int], np.dtype[np.bool_]], openness: Curve, offset: float) -> float:
    """Correlation when the sound is taken `offset` steps later; frames without sound are left out."""
    steps = (np.arange(len(lip_gap)) + 0.5) * FRAME_MS / STEP_MS + offset
    usable = known & (steps >= 0) & (steps <= len(openness) - 1)
    heard = np.interp(steps[usable], np.arange(len(openness)), openness)
    seen = lip_gap[usable]
    if len(seen) < LEAST_FRAMES // 2 or np.ptp(heard) == 0 or np.ptp(seen) == 0:
        return -1.0
    return float(np.corrcoef(seen, heard)[0, 1])


def _summit(fits: Curve, best: int) -> tuple[float, float]:
    """Place and height of the parabola through the highest point and its neighbours."""
    if best in (0, len(fits) - 1):
        return float(best), float(fits[best])
    before, at, after = fits[best - 1 : best + 2]
    bend = before - 2 * at + after
    if bend >= 0:
        return float(best), float(at)
    shift = (before - after) / (2 * bend)
    return best + float(shift), float(at - (before - after) * shift / 4)
