"""In which numbers a model is served: backbone, keys and values in one type, codecs and encoders in float32."""

from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor, nn

from wan_streamer.errors import InvalidInput
from wan_streamer.model.streaming import Stream
from wan_streamer.model.wan_streamer import WanStreamer

NumberType = Literal["float32", "bfloat16"]
DTYPES: Final[dict[NumberType, torch.dtype]] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def media_parts(model: WanStreamer) -> tuple[nn.Module, ...]:
    """Encoders and codecs: Fourier transforms, and sums over time that bfloat16 would lose."""
    return model.user_audio, model.user_video, model.audio_codec, model.video_codec


def serve_in(model: WanStreamer, number_type: NumberType) -> WanStreamer:
    """Converts a float32 model, in place, to the numbers that it is served in."""
    media = media_parts(model)
    for part in model.children():
        if part not in media:
            part.to(DTYPES[number_type])
    model.layer_modulation.data = model.layer_modulation.data.to(DTYPES[number_type])
    return model


def media_dtype(model: WanStreamer) -> torch.dtype:
    """What sound, pictures and latents are computed in."""
    return torch.promote_types(model.layer_modulation.dtype, torch.float32)


def media_stream(model: WanStreamer) -> Stream:
    """The states of encoders and codecs before their first input."""
    return Stream(tuple(state for part in media_parts(model) for state in Stream.of(part).states))


def number_type_of(dtype: torch.dtype) -> str:
    """ "bfloat16" of torch.bfloat16, and so on."""
    return str(dtype).removeprefix("torch.")


def to_array(tensor: Tensor) -> np.ndarray:
    """A tensor for the wire; bfloat16, which numpy does not know, as its bits in uint16."""
    host = tensor.detach().cpu().contiguous()
    return (host.view(torch.uint16) if host.dtype == torch.bfloat16 else host).numpy()


def from_array(array: np.ndarray) -> Tensor:
    """The reverse of `to_array`, in memory of its own."""
    tensor = torch.tensor(array)
    return tensor.view(torch.bfloat16) if tensor.dtype == torch.uint16 else tensor


def check_number_type(got: str, expected: str) -> None:
    """Holds the numbers of the other process's keys and values against ours.

    Raises:
        InvalidInput: NUMBER_TYPE, they differ.
    """
    if got != expected:
        raise InvalidInput(
            f"got keys and values in {got}, expected {expected}: start thinker and performer with the same --dtype",
            reason="NUMBER_TYPE",
        )
