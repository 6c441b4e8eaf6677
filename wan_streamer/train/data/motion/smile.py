"""A smile: the corners of the mouth, the cheeks and the eyes."""

from typing import Final

import numpy as np

from wan_streamer.train.data.motion.curve_sheet import CurveSheet
from wan_streamer.train.data.motion.easing import Curve, follow

CHEEKS: Final = 0.5
EYES: Final = 0.2
# Nobody smiles fully and rounds the lips at once.
PUCKER_TAKES: Final = 0.7
FUNNEL_TAKES: Final = 0.5
MOST_TAKEN: Final = 0.75
# Cheeks are slower than lips.
CORNER_LAG_S: Final = 0.04


def add_smile(sheet: CurveSheet, smile: Curve) -> None:
    """Adds a smile of this strength, [frames], less where the lips, which must be there already, are round."""
    rounded = np.clip(PUCKER_TAKES * sheet["mouthPucker"] + FUNNEL_TAKES * sheet["mouthFunnel"], 0, MOST_TAKEN)
    sheet.add_sides("mouthSmile", smile * (1 - follow(rounded, CORNER_LAG_S)))
    sheet.add_sides("cheekSquint", CHEEKS * smile)
    sheet.add_sides("eyeSquint", EYES * smile)
