"""Heads and curves for tests: two anchors of a dented ball, and rows of curves by name."""

import numpy as np

from wan_streamer.train.data.curves import COLUMNS, Curves
from wan_streamer.train.data.face.base_mesh import Group
from wan_streamer.train.data.face.heads import Arm, Heads
from wan_streamer.train.data.face.identity import Clothes, Hair, Identity

VERTEX_COUNT = 5


def made_up_heads() -> Heads:
    random = np.random.default_rng(0)
    triangles = np.array([[0, 1, 2], [2, 3, 4]])
    arm = Arm(rest_V3=np.zeros((3, 3), np.float32), faces_T3=triangles[:1], wrist_y_m=0.25)

    def change() -> np.ndarray:
        return random.normal(0, 0.01, (VERTEX_COUNT, 3)).astype(np.float16)

    return Heads(
        mean_V3=random.normal(0, 0.1, (VERTEX_COUNT, 3)).astype(np.float32),
        anchors={"one": change(), "two": change()},
        directions={"wide-nose": change()},
        actions={"jawOpen": change()},
        pivots={"one": np.array([0, 1, 2], np.float32), "two": np.array([0, 3, 4], np.float32)},
        turn_V=np.linspace(0, 1, VERTEX_COUNT, dtype=np.float32),
        groups={"body": Group(faces_T3=triangles, uv_T32=random.uniform(0, 1, (2, 3, 2)).astype(np.float32))},
        masks=random.integers(0, 256, (8, 8, 4), dtype=np.uint8),
        arms={"wave": arm, "grip": arm},
    )


def somebody(anchors: dict[str, float], directions: dict[str, float] | None = None) -> Identity:
    grey = (0.2, 0.2, 0.2)
    return Identity(
        name="somebody",
        anchors=anchors,
        directions=directions or {},
        skin=grey,
        iris=grey,
        lips=grey,
        lip_strength=1.0,
        hair=Hair(style="bald", colour=grey),
        brow_colour=grey,
        clothes=Clothes(outfit="shirt", colour=grey),
    )


def curves_of(*rows: dict[str, float]) -> Curves:
    """One frame a row; "eyeBlink" stands for both sides."""
    values = np.zeros((len(rows), len(COLUMNS)), np.float32)
    for frame, row in enumerate(rows):
        for name, value in row.items():
            for column in [name] if name in COLUMNS else [f"{name}Left", f"{name}Right"]:
                values[frame, COLUMNS.index(column)] = value
    return Curves(values_FC=values)
