"""A visitor's forearm and hand, beside the head: it waves, or holds something up."""

from typing import Final, Literal

import numpy as np

from wan_streamer.train.data.face.heads import Arm
from wan_streamer.train.data.face.identity import Identity
from wan_streamer.train.data.face.mesh import Floats, Normals
from wan_streamer.train.data.face.things import Thing, joined, tube

Side = Literal["left", "right"]

SLEEVE_ENDS_BELOW_WRIST_M: Final = 0.030
SLEEVE_M: Final = 0.008
# Where the elbow is when the arm is up, relative to the point between the eyes; and how much lower it is when down.
ELBOW_M: Final = (0.215, -0.335, 0.14)
DOWN_M: Final = 0.52
LEAN_RAD: Final = 0.10  # outwards
SWAY_RAD: Final = 0.38
# From the elbow to the shoulder, and how thick: it does not sway.
SHOULDER_M: Final = (0.055, 0.135, -0.19)
UPPER_ARM_M: Final = 0.046
# Where the hand grips, above the wrist and in front of the bones.
GRIP_M: Final = (0.0, 0.085, 0.030)


def arm_thing(arm: Arm, identity: Identity, side: Side) -> Thing:
    """Hand and sleeve in somebody's colours; the exported arm is the one on the left of the picture."""
    normals = Normals(arm.faces_T3, len(arm.rest_V3))(arm.rest_V3)
    sleeve = arm.rest_V3[:, 1] < arm.wrist_y_m - SLEEVE_ENDS_BELOW_WRIST_M
    position = arm.rest_V3 + SLEEVE_M * normals * sleeve[:, None]
    colour = np.where(sleeve[:, None], np.array(identity.clothes.colour), np.array(identity.skin)).astype(np.float32)
    mirror = np.array([-1.0 if side == "right" else 1.0, 1, 1], np.float32)
    return Thing(
        position_N3=position * mirror,
        normal_N3=normals * mirror,
        colour_N3=colour,
        gloss_N=np.where(sleeve, 0.0, 0.12).astype(np.float32),
        triangles_T3=arm.faces_T3,
    )


def upper_arm(identity: Identity, side: Side) -> Thing:
    """A sleeve between the shoulder and the elbow, where the elbow is the origin."""
    x, y, z = SHOULDER_M
    inwards = x if side == "left" else -x
    path = [(share * inwards, share * y - 0.02 * (1 - share), share * z) for share in (-0.08, 0.0, 0.3, 0.6, 1.0)]
    return tube(path, UPPER_ARM_M, identity.clothes.colour, 0.0, sides=12)


def holding(arm: Arm, hand: Thing, item: Thing) -> Thing:
    """A gripping arm and what it holds."""
    grip = np.array(GRIP_M, np.float32) + np.array([0, arm.wrist_y_m, 0], np.float32)
    held = Thing(
        position_N3=item.position_N3 + grip,
        normal_N3=item.normal_N3,
        colour_N3=item.colour_N3,
        gloss_N=item.gloss_N,
        triangles_T3=item.triangles_T3,
    )
    return joined([hand, held])


def elbow_m(side: Side, raised: float) -> Floats:
    """Where the elbow is, relative to the eyes."""
    x, y, z = ELBOW_M
    return np.array([-x if side == "left" else x, y - DOWN_M * (1 - raised), z], np.float32)


def lean_rad(side: Side, sway: float) -> float:
    """Turn about the line of sight, positive to the viewer's left."""
    outwards = LEAN_RAD if side == "left" else -LEAN_RAD
    return outwards - SWAY_RAD * sway
