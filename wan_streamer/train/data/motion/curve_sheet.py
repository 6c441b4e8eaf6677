"""Collects what moves a person, name by name, into curves."""

from collections.abc import Mapping

import numpy as np

from wan_streamer.train.data.curves import COLUMNS, FACE_ACTIONS, Curves
from wan_streamer.train.data.motion.easing import Curve


class CurveSheet:
    """One row of zeros for each column of `Curves`; everything is added on top of what is there."""

    def __init__(self, frame_count: int) -> None:
        self._values = {name: np.zeros(frame_count) for name in COLUMNS}

    def __getitem__(self, name: str) -> Curve:
        """What is there so far, [frames]."""
        return self._values[name]

    def add(self, name: str, values: Curve) -> None:
        """Adds to one column."""
        self._values[name] = self._values[name] + values

    def add_sides(self, name: str, values: Curve) -> None:
        """Adds to the left and the right column of a facial action."""
        self.add(f"{name}Left", values)
        self.add(f"{name}Right", values)

    def add_all(self, curves: Mapping[str, Curve]) -> None:
        """Adds to columns by their full names."""
        for name, values in curves.items():
            self.add(name, values)

    def raise_sides(self, name: str, values: Curve) -> None:
        """Lifts both columns of a facial action to at least these values, for what cannot add up, as lids."""
        for side in ("Left", "Right"):
            self._values[name + side] = np.maximum(self._values[name + side], values)

    def curves(self) -> Curves:
        """All of it; facial actions are cut to 0 to 1."""
        for name in FACE_ACTIONS:
            self._values[name] = np.clip(self._values[name], 0, 1)
        return Curves(values_FC=np.stack([self._values[name] for name in COLUMNS], axis=1).astype(np.float32))
