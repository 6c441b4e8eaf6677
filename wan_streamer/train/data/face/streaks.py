"""Noise that looks like strands, for hair and weave."""

import moderngl
import numpy as np
from scipy.ndimage import gaussian_filter

SIZE = (256, 64)  # across, along the strands


def make_streaks(context: moderngl.Context) -> moderngl.Texture:
    """Two channels: strands of some width, and finer ones; it repeats."""
    random = np.random.default_rng(0)
    channels = []
    for across, along in ((1.1, 14.0), (0.6, 5.0)):
        noise = gaussian_filter(random.normal(0, 1, SIZE[::-1]), (along, across), mode="wrap")
        channels.append(np.clip(0.5 + 0.28 * noise / noise.std(), 0, 1))
    pixels = (np.stack(channels, -1) * 255).astype(np.uint8)
    texture = context.texture(SIZE, 2, pixels.tobytes(), alignment=1)
    texture.build_mipmaps()
    texture.repeat_x = texture.repeat_y = True
    return texture
