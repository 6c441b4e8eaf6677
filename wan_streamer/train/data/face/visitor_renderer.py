"""Draws what the agent sees: one or more visitors before a camera that a seed chooses."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import moderngl
import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.curves import Curves
from wan_streamer.train.data.face.backdrops import paint_backdrop
from wan_streamer.train.data.face.canvas import Backdrop, Canvas, make_context
from wan_streamer.train.data.face.figure import Figure
from wan_streamer.train.data.face.heads import Heads, load_heads
from wan_streamer.train.data.face.identity import Identity
from wan_streamer.train.data.face.items import lower_m, make_item
from wan_streamer.train.data.face.mesh import Floats
from wan_streamer.train.data.face.prop import Prop
from wan_streamer.train.data.face.raised_arm import Side, arm_thing, elbow_m, holding, lean_rad, upper_arm
from wan_streamer.train.data.face.scene import Scene, draw_scene
from wan_streamer.train.data.face.sensor import Sensor
from wan_streamer.train.data.face.streaks import make_streaks
from wan_streamer.train.data.face.visitor_identity import visitor_identity

# Two who are there together stand so far to either side, as `motion/places.py` has it.
BESIDE_M: Final = 0.25
# |body_x| beyond which somebody is out of every picture.
OUTSIDE_M: Final = 1.15
HIDDEN: Final = 1e-3  # an arm raised less is not drawn
WAVING: Final[Side] = "right"
SHOWING: Final[Side] = "left"


class VisitorRenderer:
    """One picture from one row of each visitor's curves; the same rows give the same bytes on the same driver.

    Args:
        faces: names from the cast, one for each visitor.
        scene_seed: draws light, camera, background and noise.

    Raises:
        InvalidInput: no EGL, no exported heads, nobody to draw, or a size that no picture has.
    """

    def __init__(
        self, heads_folder: Path, faces: tuple[str, ...], scene_seed: int, height: int = 128, width: int = 224
    ) -> None:
        if not faces:
            raise InvalidInput("got no faces, expected one for each visitor", reason="FACES")
        heads = load_heads(heads_folder)
        self._context = make_context()
        self._canvas = Canvas(self._context, height, width)
        self._streaks = make_streaks(self._context)
        self.scene = draw_scene(scene_seed, people=len(faces))
        self._to_clip = self.scene.to_clip(height, width)
        self._visitors = [
            _Visitor(self._context, heads, visitor_identity(name), self.scene, self._to_clip, height) for name in faces
        ]
        image = paint_backdrop(self.scene.place, self.scene.backdrop_seed, height, width)
        self._backdrop = Backdrop(self._canvas, image)
        self._sensor = Sensor(self.scene, scene_seed, height, width)
        self._placed: tuple[tuple[Curves, ...], tuple[float, ...]] = ((), ())

    def draw(
        self, curves: tuple[Curves, ...], frame: int, items: tuple[str | None, ...] | None = None
    ) -> NDArray[np.uint8]:
        """One frame [height, width, 3], sRGB bytes.

        Args:
            items: what each visitor's raised hand holds; see `items.item_names`.

        Raises:
            InvalidInput: not one curve and one item for each face, or an unknown item.
        """
        held = items if items is not None else (None,) * len(self._visitors)
        if not len(curves) == len(held) == len(self._visitors):
            raise InvalidInput(
                f"got {len(curves)} curves and {len(held)} items, expected {len(self._visitors)} of each",
                reason="FACES",
            )
        with self._context:  # another renderer's context may be current
            self._canvas.begin()
            for visitor, own, item, place_m in zip(self._visitors, curves, held, self._places(curves), strict=True):
                visitor.draw(own.row(frame), item, place_m, self._streaks)
            self._backdrop.draw()
            image = self._canvas.read()
        return self._sensor.expose(image, frame)

    def _places(self, curves: tuple[Curves, ...]) -> tuple[float, ...]:
        if not (
            len(curves) == len(self._placed[0]) and all(a is b for a, b in zip(curves, self._placed[0], strict=True))
        ):
            self._placed = (curves, standing_places(curves))
        return self._placed[1]

    def close(self) -> None:
        """Gives the context back."""
        self._context.release()


def standing_places(curves: Sequence[Curves]) -> tuple[float, ...]:
    """Metres to the viewer's right of the middle, for each visitor: 0 for who is never there with somebody else."""
    there = np.stack([np.abs(own.column("body_x")) < OUTSIDE_M for own in curves])
    together = (there & (there.sum(0) > 1)).any(1)
    return tuple(
        0.0 if not shared else (-BESIDE_M if index % 2 == 0 else BESIDE_M) for index, shared in enumerate(together)
    )


class _Visitor:
    """A figure and its raised arms."""

    def __init__(
        self,
        context: moderngl.Context,
        heads: Heads,
        identity: Identity,
        scene: Scene,
        to_clip: NDArray[np.float64],
        height: int,
    ) -> None:
        self._context, self._heads, self._identity = context, heads, identity
        self._scene, self._to_clip = scene, to_clip
        skin_size = 1024 if height < 300 else 2048
        self._figure = Figure(context, heads, identity, scene.lighting, skin_size=skin_size, seed=len(identity.name))
        self._figure.aim(to_clip, scene.camera)
        self._arms: dict[str, tuple[Prop, Prop]] = {}

    def draw(self, row: Mapping[str, float], item: str | None, place_m: float, streaks: moderngl.Texture) -> None:
        if abs(row["body_x"]) > OUTSIDE_M:
            return
        self._figure.place(row, place_m)
        self._figure.draw(streaks)
        body = np.array([place_m + row["body_x"], row["body_y"], row["body_z"]], np.float32)
        if row["hand_raise"] > HIDDEN:
            self._raise("", WAVING, body + elbow_m(WAVING, row["hand_raise"]), row["hand_sway"])
        if row["item_raise"] > HIDDEN and item is not None:
            elbow = body + elbow_m(SHOWING, row["item_raise"])
            elbow[1] -= lower_m(item)
            self._raise(item, SHOWING, elbow, 0.0)

    def _raise(self, item: str, side: Side, elbow: Floats, sway: float) -> None:
        forearm, upper = self._arm(item, side)
        forearm.draw(elbow, lean_rad(side, sway))
        upper.draw(elbow, 0.0)

    def _arm(self, item: str, side: Side) -> tuple[Prop, Prop]:
        """The waving arm, or the one that holds an item; made when it is first needed."""
        if item not in self._arms:
            arm = self._heads.arms["grip" if item else "wave"]
            forearm = arm_thing(arm, self._identity, side)
            if item:
                forearm = holding(arm, forearm, make_item(item))
            shapes = (forearm, upper_arm(self._identity, side))
            scene = self._scene
            one, two = (Prop(self._context, s, scene.lighting, self._to_clip, scene.camera) for s in shapes)
            self._arms[item] = (one, two)
        return self._arms[item]
