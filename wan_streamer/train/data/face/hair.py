"""Hair as a few smooth surfaces: a shell on the scalp and, for long hair, sheets that fall from the parting.

Strands are drawn by the shader along `flow`; thousands of ribbons would cost more than the rest of the picture.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from wan_streamer.train.data.face.identity import Hair
from wan_streamer.train.data.face.mesh import Floats, Indices, Normals, grid_triangles, unit
from wan_streamer.train.data.face.person import Person
from wan_streamer.train.data.face.skull import Points, Skull, Trunk

# Degrees from the face's middle -> height of the hairline above the eyes, metres.
LINE_DEGREES: Final = (0, 15, 30, 45, 60, 75, 95, 120, 180)
LINE_M: Final = (0.073, 0.072, 0.066, 0.050, 0.028, 0.012, 0.012, -0.05, -0.075)
SHELL_COLUMNS: Final = 60
SHELL_ROWS: Final = 13
# Style -> metres of hair on the scalp: at the sides, more on the crown, more at the front.
SHELL_M: Final = {
    "buzz": (0.0025, 0.002, 0.0), "short": (0.007, 0.009, 0.004), "quiff": (0.006, 0.012, 0.020),
    "afro": (0.045, 0.020, 0.0), "tied": (0.008, 0.004, 0.0), "bob": (0.003, 0.0, 0.0),
    "shoulder": (0.003, 0.0, 0.0), "long": (0.003, 0.0, 0.0),
}  # fmt: skip
# Style -> metres that strands grow, and the height at which they are cut.
SHEET_LENGTH_M: Final = {"bob": 0.30, "shoulder": 0.36, "long": 0.54}
HEM_Y_M: Final = {"bob": -0.105, "shoulder": -0.155, "long": -0.30}
# Lift above the head (m), share of the length, one for each sheet: the outermost first.
LAYERS: Final = ((0.0150, 1.0), (0.0075, 0.95))
STRANDS_ON_PARTING: Final = 18
STRANDS_AT_CROWN: Final = 10
SHEET_POINTS: Final = 18
EDGE_STRANDS: Final = 8
RAGGED_M: Final = 0.004  # a hairline is never a line
ROOT_LIFT_M: Final = 0.006
SWING: Final = 0.35  # share of the head's turn that the tips of hanging hair do not follow


@dataclass(frozen=True, kw_only=True)
class HairMesh:
    """N vertices.

    Attributes:
        flow_N3: where the strands run.
        uv_N2: across and along the strands, in metres and from 0 to 1.
        turn_N: the share of the head's rotation that they follow.
        fringe_N: 0 inside, up to 1 at an edge that frays.
    """

    position_N3: Floats
    normal_N3: Floats
    flow_N3: Floats
    uv_N2: Floats
    turn_N: Floats
    fringe_N: Floats
    triangles_T3: Indices


def grow_hair(person: Person, hair: Hair, normals: Floats, *, seed: int) -> list[HairMesh]:
    """The surfaces of somebody's hair; none for a bald head."""
    if hair.style == "bald":
        return []
    bone = Skull(person, with_ears=False)
    meshes = [_shell(bone, hair, seed)]
    if hair.style == "tied":
        meshes.append(_knot(bone, hair))
    if hair.style in SHEET_LENGTH_M:
        covered, trunk = Skull(person, with_ears=True), Trunk(person, normals)
        for lift_m, share in LAYERS:
            meshes.append(_sheet(covered, trunk, hair, lift_m=lift_m * hair.volume, share=share, seed=seed))
    return meshes


def _mesh(grid: Points, uv: Points, turn: Points, fringe: Points, flow: Points | None = None) -> HairMesh:
    columns, rows = grid.shape[:2]
    position = grid.reshape(-1, 3).astype(np.float32)
    triangles = grid_triangles(columns, rows)
    along = np.gradient(grid, axis=1) if flow is None else flow
    return HairMesh(
        position_N3=position,
        normal_N3=Normals(triangles, len(position))(position),
        flow_N3=unit(along).reshape(-1, 3),
        uv_N2=uv.reshape(-1, 2).astype(np.float32),
        turn_N=turn.ravel().astype(np.float32),
        fringe_N=fringe.ravel().astype(np.float32),
        triangles_T3=triangles,
    )


def _shell(bone: Skull, hair: Hair, seed: int) -> HairMesh:
    """From the hairline to the crown, closed behind; lifted off the bone by the style's thickness."""
    azimuth = np.linspace(-np.pi, np.pi, SHELL_COLUMNS)
    ragged = gaussian_filter1d(np.random.default_rng(seed).normal(0, RAGGED_M, SHELL_COLUMNS), 0.8, mode="wrap")
    line = _hairline(bone, azimuth, hair.line_up_m + ragged)
    share = np.linspace(0, 1, SHELL_ROWS) ** 1.2
    elevation = line[:, None] + (np.pi / 2 - line[:, None]) * share
    direction = np.stack(
        [np.sin(azimuth)[:, None] * np.cos(elevation), np.sin(elevation), np.cos(azimuth)[:, None] * np.cos(elevation)],
        -1,
    )
    surface = bone.surface(direction.reshape(-1, 3)).reshape(direction.shape)
    surface = gaussian_filter1d(surface, 1.0, axis=0, mode="wrap")
    thickness = _thickness(hair, azimuth[:, None], share[None], seed)
    uv = np.stack(np.broadcast_arrays(azimuth[:, None] * 0.09, 1 - share[None]), -1)
    fringe = np.broadcast_to(np.clip(1 - share / 0.20, 0, 1), thickness.shape)
    # Triangles look outwards when rows go up and columns go round with the azimuth.
    return _mesh(surface + direction * thickness[..., None], uv, np.ones_like(thickness), fringe)


def _hairline(bone: Skull, azimuth: Points, up_m: Points) -> Points:
    """Elevation of the hairline as seen from the skull's centre."""
    height = np.interp(np.abs(np.degrees(azimuth)), LINE_DEGREES, LINE_M)
    height = gaussian_filter1d(height, 1.2, mode="wrap") + up_m * np.clip(1.6 - np.abs(azimuth), 0, 0.3) / 0.3
    elevation = np.zeros_like(azimuth)
    for _ in range(4):
        direction = np.stack(
            [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)], -1
        )
        reach = np.linalg.norm((bone.surface(direction) - bone.centre)[:, [0, 2]], axis=1)
        elevation = np.arctan2(height - bone.centre[1], reach)
    return elevation


def _thickness(hair: Hair, azimuth: Points, share: Points, seed: int) -> Points:
    """Metres above the bone: inside it at the hairline, so that the edge follows the skin."""
    sides, crown, front = SHELL_M[hair.style]
    rise = np.clip(share / 0.30, 0, 1) ** 0.8
    forward = np.clip(np.cos(azimuth), 0, 1) ** 2 * np.clip(share / 0.2, 0, 1) * np.clip(1.6 - 2 * share, 0, 1)
    random = np.random.default_rng(seed)
    rough = gaussian_filter(random.normal(0, 1, (SHELL_COLUMNS, SHELL_ROWS)), 1.3, mode=("wrap", "nearest"))
    rough[-1] = rough[0]
    rough *= np.clip((1 - share) / 0.35, 0, 1)  # columns meet at the crown
    thick = hair.volume * (sides + crown * share + front * forward) * (1 + 0.7 * rough)
    lifted: Points = -0.004 + (0.004 + thick) * rise
    return lifted


def _knot(bone: Skull, hair: Hair) -> HairMesh:
    """A bun high on the back of the head."""
    out = unit(np.array([[0.0, 0.75, -0.65]]))[0]
    centre = bone.surface(out[None])[0] + out * 0.018
    polar, around = np.meshgrid(np.linspace(0, np.pi, 12), np.linspace(0, 2 * np.pi, 25), indexing="xy")
    ball = np.stack([np.sin(polar) * np.cos(around), np.cos(polar), np.sin(polar) * np.sin(around)], -1)
    uv = np.stack([around * 0.03, polar / np.pi], -1)
    plain = np.zeros_like(polar)
    return _mesh(centre + ball * 0.040 * hair.volume, uv, plain + 1, plain)


def _sheet(covered: Skull, trunk: Trunk, hair: Hair, *, lift_m: float, share: float, seed: int) -> HairMesh:
    """One curtain: strands side by side, from the face's right over the back of the head to its left."""
    random = np.random.default_rng(seed)
    left, right = (_side(covered, trunk, hair, side, lift_m, share, random) for side in (-1.0, 1.0))
    grid = np.concatenate([left, right[::-1]])
    across = np.cumsum(np.r_[0, np.linalg.norm(np.diff(grid[:, SHEET_POINTS // 2], axis=0), axis=1)])
    along = np.linspace(0, 1, SHEET_POINTS)
    uv = np.stack(np.broadcast_arrays(across[:, None], along[None]), -1)
    below = np.clip((-0.06 - grid[..., 1]) / 0.12, 0, 1)
    fringe = np.broadcast_to(np.clip((along - 0.90) / 0.10, 0, 1), grid.shape[:2])
    return _mesh(grid, uv, 1 - SWING * below, fringe)


def _side(
    covered: Skull, trunk: Trunk, hair: Hair, side: float, lift_m: float, share: float, random: np.random.Generator
) -> Points:
    """Strands [S, SHEET_POINTS, 3] from the front of the parting to the middle of the back."""
    roots, heading = _roots(covered, hair.part_x_m, side)
    step = SHEET_LENGTH_M[hair.style] * share / (SHEET_POINTS - 1)
    wave = gaussian_filter1d(random.normal(0, 1, (len(roots), SHEET_POINTS)), 2.0, axis=1)
    lift = lift_m * (1 + 0.35 * gaussian_filter1d(random.normal(0, 1, len(roots)), 1.5))
    points, position = [roots], roots
    for index in range(SHEET_POINTS - 1):
        heading = _next_heading(covered, position, heading, side, wave[:, index])
        rising = np.minimum(1.0, (index + 1) / 4)
        position = _kept_out(covered, trunk, position + step * heading, lift * (0.45 + 0.55 * rising), side)
        points.append(position)
    curves = np.stack(points, 1)
    smooth: Points = gaussian_filter1d(curves, 1.0, axis=1, mode="nearest")
    smooth = gaussian_filter1d(smooth, 0.8, axis=0, mode="nearest")
    smooth[:, 0] = roots  # both sides meet in the parting
    hem_y = HEM_Y_M[hair.style] + (1 - share) * 0.2 + 0.006 * gaussian_filter1d(random.normal(0, 1, len(roots)), 0.7)
    lowest = smooth[..., 1].min(1)
    lowest[:EDGE_STRANDS] = lowest[EDGE_STRANDS]  # those beside the face do not hang down before the shoulder alone
    return _trimmed(smooth, np.maximum(hem_y, lowest))


def _trimmed(curves: Points, hem_y: Points) -> Points:
    """Strands that end at a height, with as many points as before."""
    trimmed = np.empty_like(curves)
    steps = np.arange(curves.shape[1], dtype=np.float64)
    for strand, (curve, end_y) in enumerate(zip(curves, hem_y, strict=True)):
        below = np.flatnonzero(curve[:, 1] < end_y)
        last = steps[-1]
        if len(below):
            upper, lower = curve[below[0] - 1, 1], curve[below[0], 1]
            last = below[0] - 1 + (upper - end_y) / (upper - lower)
        wanted = np.linspace(0, last, len(steps))
        trimmed[strand] = np.stack([np.interp(wanted, steps, curve[:, axis]) for axis in range(3)], -1)
    return trimmed


def _roots(covered: Skull, part_x_m: float, side: float) -> tuple[Points, Points]:
    """Where the strands begin and where they set out to."""
    on_top = np.radians(np.linspace(30, 112, STRANDS_ON_PARTING))
    angle = np.r_[on_top, np.full(STRANDS_AT_CROWN, on_top[-1])]
    direction = np.stack([np.full_like(angle, part_x_m / 0.1), np.sin(angle), np.cos(angle)], -1)
    outward = unit(direction).astype(np.float64)
    roots = covered.surface(outward) + ROOT_LIFT_M * outward
    turn = np.r_[np.linspace(0.15, 0.3, STRANDS_ON_PARTING), np.linspace(0.3, np.pi / 2, STRANDS_AT_CROWN)]
    heading = np.stack([side * np.cos(turn), np.zeros_like(turn), -np.sin(turn)], -1)
    return roots, heading


def _next_heading(covered: Skull, position: Points, heading: Points, side: float, wave: Points) -> Points:
    """Along the surface while it lies on the head, then down; a little wave."""
    height, normal = covered.distance(position)
    on_head = np.clip((position[:, 1:2] + 0.02) / 0.06, 0, 1)
    pull = np.array([0.0, -0.34, 0.0]) * (1.35 - 0.6 * on_head)
    tips = np.clip((-0.08 - position[:, 1:2]) / 0.05, 0, 1)
    inward = (-0.03 - 0.10 * tips) * (1 - on_head) * position * [1, 0, 0] / 0.07
    wished = heading + pull + inward + 0.05 * wave[:, None] * [0.6, 0, 1]
    cling = np.clip(height[:, None] / 0.02, 0, 1) * on_head
    wished = wished - normal * ((wished * normal).sum(1, keepdims=True)) * on_head - 0.3 * cling * normal
    return unit(wished).astype(np.float64)


def _kept_out(covered: Skull, trunk: Trunk, position: Points, lift: Points, side: float) -> Points:
    """Off the head, off the shoulders, and beside the face."""
    height, normal = covered.distance(position)
    placed = position + normal * np.maximum(lift - height, 0)[:, None]
    height, normal = trunk.distance(placed)
    low = np.clip((-0.07 - placed[:, 1]) / 0.05, 0, 1)
    placed = placed + normal * (np.clip(lift + 0.004 - height, 0, 0.03) * low)[:, None]
    face = np.clip((0.045 - placed[:, 1]) / 0.05, 0, 1) * np.clip((placed[:, 2] - covered.centre[2]) / 0.03, 0, 1)
    beside: NDArray[np.float64] = np.maximum(side * placed[:, 0], 0.070 * face) * side
    placed[:, 0] = np.where(face > 0, beside, placed[:, 0])
    return placed


def scalp_weight(person: Person, hair: Hair) -> Floats:
    """For each vertex: 1 where hair grows, 0 elsewhere, with a soft hairline between; 0 for a bald head."""
    if hair.style == "bald":
        return np.zeros(len(person.rest_V3), np.float32)
    offset = person.rest_V3 - Skull(person, with_ears=False).centre
    azimuth = np.abs(np.degrees(np.arctan2(offset[:, 0], offset[:, 2])))
    line = np.interp(azimuth, LINE_DEGREES, LINE_M) + hair.line_up_m * (azimuth < 80)
    weight = np.clip((person.rest_V3[:, 1] - line) / 0.014 + 0.1, 0, 1)
    return (weight * (person.turn_V > 0.7) * (person.mask_at_vertices("ears") < 0.2)).astype(np.float32)
