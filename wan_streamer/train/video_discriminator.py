"""A patch discriminator over the four frames of a unit (PatchGAN, arXiv 1611.07004): texture and motion."""

import itertools
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from wan_streamer.model.video_codec import RGB
from wan_streamer.train.adversarial import Judgement
from wan_streamer.unit import FRAMES_PER_UNIT

SLOPE = 0.2


@dataclass(frozen=True, kw_only=True)
class VideoDiscriminatorConfig:
    """Channels of the convolutions, each of which halves the picture."""

    channels: tuple[int, ...] = (32, 64, 96)


class VideoDiscriminators(nn.Module):
    """Frames [B, U, F, 3, height, width] -> one judgement of the patches of every unit."""

    def __init__(self, config: VideoDiscriminatorConfig) -> None:
        super().__init__()
        widths = (FRAMES_PER_UNIT * RGB, *config.channels)
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in itertools.pairwise(widths)
        )
        self.out = weight_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, frames_BUFCHW: Tensor) -> list[Judgement]:
        x = frames_BUFCHW.flatten(0, 1).flatten(1, 2)
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), SLOPE)
            features.append(x)
        return [Judgement(score=self.out(x), features=tuple(features))]
