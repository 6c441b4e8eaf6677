"""Wan's video VAEs (arXiv 2503.20314), told apart from our codecs: their weights cannot be used, and this says why."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wan_streamer.errors import InvalidInput

# Tensors that lead from latents to the decoder [C, C, 1, 1, 1]: as Wan publishes its VAEs, and as diffusers saves them.
INTO_DECODER: Final = ("conv2.weight", "post_quant_conv.weight")
FIRST: Final = ("encoder.conv1.weight", "encoder.conv_in.weight")
# Of Wan 2.2 the encoder takes 2 x 2 pixels at once, which makes its stride 16; of Wan 2.1 one, and the stride is 8.
PATCHED_CHANNELS: Final = 12
CONVOLUTION_AXES: Final = 5
# What torch.save writes, as Wan publishes them (Wan2.1_VAE.pth).
PICKLE_SUFFIXES: Final = (".pth", ".pt", ".ckpt")


def refuse_wan_vae(shapes: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Does nothing for the tensors of other files.

    Raises:
        InvalidInput: WAN_VAE, they are a Wan VAE's.
    """
    into, first = _convolution(shapes, INTO_DECODER), _convolution(shapes, FIRST)
    if into is None or first is None:
        return
    stride = 16 if first[1] == PATCHED_CHANNELS else 8
    raise InvalidInput(
        f"got {path} of a Wan video VAE (stride {stride}, {into[0]} channels), expected a video codec of this project: "
        "the VAE makes a latent of the first frame alone (1 + 4 n frames are 1 + n latents), ours one of every four "
        "frames from the first unit on, as a live stream has them, and its layers are others; train a codec with "
        "wan-streamer train (docs/model.md)",
        reason="WAN_VAE",
    )


def _convolution(shapes: Mapping[str, tuple[int, ...]], names: tuple[str, ...]) -> tuple[int, ...] | None:
    """The shape of a convolution over time and space by one of these names, [out, in, time, row, column]."""
    return next((shapes[name] for name in names if len(shapes.get(name, ())) == CONVOLUTION_AXES), None)
