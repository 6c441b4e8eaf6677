"""Geometry that faces are made of."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from wan_streamer.train.data.face.camera import look_at, perspective, rotation_matrix, turn_matrix
from wan_streamer.train.data.face.eyes import EYE_RADIUS_M, Eye
from wan_streamer.train.data.face.mesh import Normals, turned
from wan_streamer.train.data.face.things import box, joined, lathe, tube


def test_turning_is_the_rotation_of_an_independent_library() -> None:
    """A rotation vector turns points as scipy's does, a share of it as the shortened vector does."""
    random = np.random.default_rng(1)
    points, vector = random.normal(0, 1, (20, 3)).astype(np.float32), np.array([0.3, -0.5, 0.2])
    share, pivot = np.full(20, 0.5, np.float32), np.array([0.1, 0.2, 0.3], np.float32)
    wanted = Rotation.from_rotvec(vector / 2).apply(points - pivot) + pivot
    np.testing.assert_allclose(turned(points, share, vector, pivot), wanted, atol=1e-6)
    np.testing.assert_allclose(rotation_matrix(vector), Rotation.from_rotvec(vector).as_matrix(), atol=1e-6)


def test_the_pivot_stays_where_it_is() -> None:
    """Turning about a point leaves that point."""
    pivot = np.array([0.1, -0.4, 0.7], np.float32)
    moved = turn_matrix(np.array([0.2, 0.9, -0.3]), pivot) @ np.append(pivot, 1)
    np.testing.assert_allclose(moved[:3], pivot, atol=1e-6)


def test_what_a_camera_looks_at_is_in_the_middle() -> None:
    """The aim is drawn in the middle, what is above it above."""
    eye, aim = np.array([0.5, 0.2, 2.0]), np.array([0.0, 0.1, 0.0])
    matrix = perspective(30, 16 / 9, 0.1, 10) @ look_at(eye, aim)
    middle, above = matrix @ [*aim, 1], matrix @ np.array([0.0, 0.2, 0.0, 1.0])
    np.testing.assert_allclose(middle[:2], 0, atol=1e-9)
    assert above[1] / above[3] > 0.05


@pytest.mark.parametrize(
    "shape",
    [
        box((0, 0, 0), (1, 2, 3), (1, 1, 1)),
        lathe((0, 0, 0), [(0.5, -1), (0.5, 0), (0.4, 1)], (1, 1, 1)),
        tube([(0, -1, 0), (0, 0, 0), (0, 1, 0)], 0.3, (1, 1, 1)),
    ],
)
def test_surfaces_of_things_look_outwards(shape: object) -> None:
    """Normals have length one and point away from the axis or the middle."""
    position, normal = shape.position_N3, shape.normal_N3  # type: ignore[attr-defined]
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5)
    assert ((position * normal).sum(1) > 0).mean() > 0.95


def test_joined_things_keep_their_triangles() -> None:
    """The second thing's triangles point to its own vertices."""
    one, two = box((0, 0, 0), (1, 1, 1), (1, 0, 0)), box((9, 0, 0), (1, 1, 1), (0, 1, 0))
    both = joined([one, two])
    far = both.position_N3[both.triangles_T3[len(one.triangles_T3) :]]
    assert far[..., 0].min() > 8


def test_normals_of_a_ball_are_its_radii() -> None:
    """Smooth normals of an eyeball agree with its exact ones."""
    random = np.random.default_rng(2)
    direction = random.normal(0, 1, (50, 3))
    points = 0.01 * direction / np.linalg.norm(direction, axis=1, keepdims=True) + [0.03, 0.0, 0.1]
    eye = Eye(points.astype(np.float32))
    np.testing.assert_allclose(eye.centre, [0.03, 0.0, 0.1], atol=1e-4)
    position, exact = eye.looking(0.0, 0.0)
    smooth = Normals(eye.triangles, len(position))(position.astype(np.float32))
    inside = np.linalg.norm(smooth, axis=1) > 0.5
    assert (np.abs((smooth * exact).sum(1))[inside] > 0.95).mean() > 0.95


def test_eyes_look_where_the_curves_say() -> None:
    """Yaw turns the iris to the viewer's right, pitch upwards."""
    eye = Eye(np.random.default_rng(3).normal(0, 0.01, (50, 3)).astype(np.float32))
    right, up = (eye.looking(*gaze)[0][0] - eye.centre for gaze in ((0.3, 0.0), (0.0, 0.3)))
    np.testing.assert_allclose(right, EYE_RADIUS_M * np.array([np.sin(0.3), 0, np.cos(0.3)]), atol=1e-6)
    np.testing.assert_allclose(up, EYE_RADIUS_M * np.array([0, np.sin(0.3), np.cos(0.3)]), atol=1e-6)
