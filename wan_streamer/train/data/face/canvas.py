"""An OpenGL context off screen (EGL; Mesa's software driver is enough) and the picture that is drawn there."""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import moderngl
import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.face import shaders

DEBIAN_PACKAGES: Final = "libegl1 libegl-mesa0 libgl1-mesa-dri"
SAMPLES_A_SIDE: Final = 2
MAX_SIDE: Final = 2048


def make_context() -> moderngl.Context:
    """A context without a window.

    Raises:
        InvalidInput: the machine has no EGL.
    """
    _load_triton_first()
    # Mesa's software driver: at these sizes threads of its own cost more than they give (15 against 11 ms a frame).
    os.environ.setdefault("LP_NUM_THREADS", "0")
    try:
        return moderngl.create_context(standalone=True, backend="egl")  # type: ignore[arg-type]  # its types are wrong
    except Exception as error:  # the loader raises plain Exception
        raise InvalidInput(
            f"got no OpenGL ({error}), expected EGL; on Debian or Ubuntu run: apt-get install {DEBIAN_PACKAGES}",
            reason="NO_EGL",
        ) from error


def _load_triton_first() -> None:
    """Mesa and torch's triton each bring an LLVM; loaded in the other order the process dies (segmentation fault)."""
    if find_spec("triton") is not None:
        import_module("triton")


class Canvas:
    """A picture with 2 x 2 samples a pixel, averaged when it is read.

    Raises:
        InvalidInput: a side is not 16 to 2048.
    """

    def __init__(self, context: moderngl.Context, height: int, width: int) -> None:
        if not (16 <= height <= MAX_SIDE and 16 <= width <= MAX_SIDE):
            raise InvalidInput(f"got a picture of {height} x {width}, expected 16 to {MAX_SIDE} a side", reason="SIZE")
        self.context, self.height, self.width = context, height, width
        large = (width * SAMPLES_A_SIDE, height * SAMPLES_A_SIDE)
        self._samples = context.texture(large, 4)
        self._target = context.framebuffer(self._samples, context.depth_renderbuffer(large))
        self._small = context.framebuffer(context.renderbuffer((width, height), 4))
        program = shaders.plain_program(context, "resolve")
        self._resolve = context.vertex_array(program, [(self.corners(), "2f", "corner")])

    def corners(self) -> moderngl.Buffer:
        """A quad over the whole picture, as a triangle strip."""
        return self.context.buffer(np.array([-1, -1, 1, -1, -1, 1, 1, 1], "f4").tobytes())

    def begin(self) -> None:
        """What is drawn from here on goes onto the canvas."""
        self._target.use()
        self._target.clear(depth=1.0)
        self.context.enable(moderngl.DEPTH_TEST)

    def read(self) -> NDArray[np.uint8]:
        """[height, width, 3] bytes, top row first."""
        self._small.use()
        self.context.disable(moderngl.DEPTH_TEST)
        self._samples.use(0)
        self._resolve.render(moderngl.TRIANGLE_STRIP)
        raw = np.frombuffer(self._small.read(components=4, alignment=1), np.uint8)
        return np.ascontiguousarray(raw.reshape(self.height, self.width, 4)[..., :3])


class Backdrop:
    """A painted picture behind everything."""

    def __init__(self, canvas: Canvas, image: NDArray[np.uint8]) -> None:
        height, width, _ = image.shape
        self._texture = canvas.context.texture((width, height), 3, np.ascontiguousarray(image).tobytes(), alignment=1)
        program = shaders.plain_program(canvas.context, "backdrop")
        self._quad = canvas.context.vertex_array(program, [(canvas.corners(), "2f", "corner")])

    def draw(self) -> None:
        """Where nothing stands in front."""
        self._texture.use(0)
        self._quad.render(moderngl.TRIANGLE_STRIP)
