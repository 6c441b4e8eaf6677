"""How far decoded frames are from the original.

Shape letters: B batch, U units, F frames of a unit, C channels. Frames are in -1..1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Odd, so that a patch has a middle; as wide as a mouth at 128 rows.
MOTION_PATCH = 7
# Of a -1..1 frame: below it nothing moves, and noise must not be taken for motion.
SMALLEST_MOTION = 2e-3
MAX_MOTION = 10.0
# Of a -1..1 frame at half its size, root mean square: what an agent who listens moves, or a camera's noise. Were it
# smaller, units in which next to nothing moves would count most.
SMALLEST_CHANGE = 0.01


@dataclass(frozen=True, kw_only=True)
class VideoLossConfig:
    """Weights of the losses. `scales` counts halvings of the picture at which edges are compared.

    `moving_weight`: how much more a pixel counts that moves as much as pixels of its film do on average. Lips, eyes
    and hands are a few percent of a picture and most of what it says.
    """

    pixel_weight: float = 1.0
    moving_weight: float = 1.0
    gradient_weight: float = 1.0
    motion_weight: float = 1.0
    change_weight: float = 4.0
    rhythm_weight: float = 2.0
    kl_weight: float = 1e-4
    scales: int = 3


def gradient_distance(one: Tensor, other: Tensor, scales: int) -> Tensor:
    """L1 between differences of neighbouring pixels, [N, C, height, width], the mean over `scales` sizes.

    Edges at several sizes stand in for a perceptual loss: no pretrained network ships with this project.
    """
    difference = one - other
    distances = []
    for scale in range(scales):
        if scale:
            difference = F.avg_pool2d(difference, 2)
        distances.append(difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean())
    return torch.stack(distances).mean()


def motion_error(decoded_BUFCHW: Tensor, original_BUFCHW: Tensor) -> Tensor:
    """Squared error of how the frames of a unit differ from their mean, as a share of how they do differ.

    Near 1 for units that stand still and should not. Absolute errors do not do: what moves is a few pixels, and their
    median stands still. Differences across units are left out: a codec that knows each unit's mean only has them wrong
    threefold.
    """
    decoded, original = (
        _halved(frames - frames.mean(dim=2, keepdim=True)) for frames in (decoded_BUFCHW, original_BUFCHW)
    )
    error, there = ((decoded - original).square(), original.square())
    return (error.flatten(1).mean(1) / (there.flatten(1).mean(1) + SMALLEST_CHANGE**2)).mean()


def _halved(frames_BUFCHW: Tensor) -> Tensor:
    """At half the size, where a camera's noise is half as large."""
    return F.avg_pool2d(frames_BUFCHW.flatten(0, 2), 2).unflatten(0, frames_BUFCHW.shape[:3])


def change_distance(decoded_BUFCHW: Tensor, original_BUFCHW: Tensor) -> Tensor:
    """L1 between the changes from frame to frame, within units and across their borders alike.

    What differs between the two beats at 6.25 Hz, most of all where nothing moves.
    """
    decoded, original = (frames.flatten(1, 2).diff(dim=1) for frames in (decoded_BUFCHW, original_BUFCHW))
    return (decoded - original).abs().mean()


def rhythm_distance(decoded_BUFCHW: Tensor, original_BUFCHW: Tensor) -> Tensor:
    """How unevenly pictures change over the frames of a unit, beyond the originals: 0 where the films keep their time.

    Each film's mean change at the four places of a unit, as a share of its mean change; of these the mean over the
    films, against the originals'. A codec is surer of some places than of others and moves them more, which beats at
    6.25 Hz. What one film happens to do in few units is no beat, so the mean is compared. 0 for one unit.
    """
    if original_BUFCHW.shape[1] == 1:
        return decoded_BUFCHW.new_zeros(())
    decoded, original = (_shares_of_change(frames) for frames in (decoded_BUFCHW, original_BUFCHW))
    return (decoded - original).mean(dim=0).abs().mean()


def _shares_of_change(frames_BUFCHW: Tensor) -> Tensor:
    """Mean change from the frame before at each place of a unit, [B, F], as a share of the mean of them."""
    count = frames_BUFCHW.shape[2]
    changes = frames_BUFCHW.flatten(1, 2).diff(dim=1).abs().mean(dim=(2, 3, 4)) + SMALLEST_MOTION
    # The first unit's first frame has none before it.
    shares = torch.stack([changes[:, (place - 1) % count :: count].mean(dim=1) for place in range(count)], dim=1)
    return shares / shares.mean(dim=1, keepdim=True)


def moving_distance(decoded_BUFCHW: Tensor, original_BUFCHW: Tensor) -> Tensor:
    """L1 weighted with how far each place of the original is from its mean over the frames."""
    frames = original_BUFCHW.flatten(1, 2)
    motion = (frames - frames.mean(dim=1, keepdim=True)).abs().mean(dim=2)
    # What moves is a patch, not a pixel.
    motion = F.avg_pool2d(motion, MOTION_PATCH, stride=1, padding=MOTION_PATCH // 2)
    weight = motion / (motion.mean(dim=(1, 2, 3), keepdim=True) + SMALLEST_MOTION)
    difference = (decoded_BUFCHW - original_BUFCHW).flatten(1, 2).abs().mean(dim=2)
    return (weight.clamp(max=MAX_MOTION) * difference).mean()


class VideoReconstructionLoss(nn.Module):
    """The parts of the reconstruction loss, each times its weight."""

    def __init__(self, config: VideoLossConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, decoded_BUFCHW: Tensor, original_BUFCHW: Tensor) -> dict[str, Tensor]:
        config = self.config
        flat = decoded_BUFCHW.flatten(0, 2), original_BUFCHW.flatten(0, 2)
        return {
            "pixel": config.pixel_weight * (decoded_BUFCHW - original_BUFCHW).abs().mean(),
            "moving": config.moving_weight * moving_distance(decoded_BUFCHW, original_BUFCHW),
            "gradient": config.gradient_weight * gradient_distance(*flat, config.scales),
            "motion": config.motion_weight * motion_error(decoded_BUFCHW, original_BUFCHW),
            "rhythm": config.rhythm_weight * rhythm_distance(decoded_BUFCHW, original_BUFCHW),
            "change": config.change_weight * change_distance(decoded_BUFCHW, original_BUFCHW),
        }
