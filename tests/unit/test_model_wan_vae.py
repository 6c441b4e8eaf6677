"""Published weights of Wan's video VAEs are known and refused with the reason, whoever saved them."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from wan_streamer.errors import InvalidInput
from wan_streamer.model.codec_weights import load_codec
from wan_streamer.model.wan_vae import refuse_wan_vae

# Names and shapes at the ends of the four kinds of files, published by Wan and saved by diffusers; the layers between
# them do not matter.
WAN_2_1 = {"encoder.conv1.weight": (96, 3, 3, 3, 3), "conv2.weight": (16, 16, 1, 1, 1)}
WAN_2_2 = {"encoder.conv1.weight": (160, 12, 3, 3, 3), "conv2.weight": (48, 48, 1, 1, 1)}
DIFFUSERS_2_1 = {"encoder.conv_in.weight": (96, 3, 3, 3, 3), "post_quant_conv.weight": (16, 16, 1, 1, 1)}
DIFFUSERS_2_2 = {"encoder.conv_in.weight": (160, 12, 3, 3, 3), "post_quant_conv.weight": (48, 48, 1, 1, 1)}


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (WAN_2_1, "stride 8, 16 channels"),
        (WAN_2_2, "stride 16, 48 channels"),
        (DIFFUSERS_2_1, "stride 8, 16 channels"),
        (DIFFUSERS_2_2, "stride 16, 48 channels"),
    ],
)
def test_a_wan_vae_is_refused_with_the_reason(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], words: str, suffix: str
) -> None:
    """What it is, why it cannot serve a live stream, what to do."""
    path = tmp_path / f"vae.{suffix}"
    tensors = {name: torch.zeros(shape) for name, shape in shapes.items()}
    torch.save(tensors, path) if suffix == "pth" else save_file(tensors, path)
    with pytest.raises(InvalidInput) as found:
        load_codec(path, "video")
    assert found.value.reason == "WAN_VAE"
    for part in (str(path), words, "1 + 4 n frames", "train a codec"):
        assert part in str(found.value)


def test_other_files_pass(tmp_path: Path) -> None:
    """A 2-D VAE has such names, too; and a pickle of something else is what it was before: no weights."""
    refuse_wan_vae({"encoder.conv_in.weight": (128, 3, 3, 3), "post_quant_conv.weight": (4, 4, 1, 1)}, tmp_path)
    path = tmp_path / "list.pth"
    torch.save([1, 2], path)
    with pytest.raises(InvalidInput) as found:
        load_codec(path, "video")
    assert found.value.reason == "WEIGHTS_DAMAGED"
