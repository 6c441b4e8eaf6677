"""Pictures of any shape in a picture of the model's: aspect kept, black bars."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def fitted_size(width: int, height: int, box_width: int, box_height: int) -> tuple[int, int]:
    """Width and height of the largest picture of the same aspect inside the box."""
    if width * box_height >= height * box_width:
        return box_width, max(1, (2 * height * box_width + width) // (2 * width))
    return max(1, (2 * width * box_height + height) // (2 * height)), box_height


def letterbox(frame: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scales uint8 [h, w, 3] into uint8 [height, width, 3], centred; what it does not cover is black."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ValueError(f"got a frame of {frame.dtype} {list(frame.shape)}, expected uint8 [height, width, 3]")
    frame_height, frame_width = frame.shape[:2]
    if (frame_width, frame_height) == (width, height):
        return frame
    fitted_width, fitted_height = fitted_size(frame_width, frame_height, width, height)
    scaled = Image.fromarray(frame).resize((fitted_width, fitted_height), Image.Resampling.BILINEAR)
    boxed = np.zeros((height, width, 3), np.uint8)
    left, top = (width - fitted_width) // 2, (height - fitted_height) // 2
    boxed[top : top + fitted_height, left : left + fitted_width] = np.asarray(scaled)
    return boxed
