"""What GPUs can do at most, by their makers' data sheets."""

import re
from dataclasses import dataclass
from typing import Final

from wan_streamer.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU.

    Attributes:
        name: how the driver's name and people call it.
        product: which of that name the numbers are of.
        tflop_per_s: dense bfloat16, 10^12 floating point operations a second.
        terabyte_per_s: bandwidth of its memory.
    """

    name: str
    product: str
    tflop_per_s: float
    terabyte_per_s: float


# The first name that fits counts.
GPUS: Final[tuple[Gpu, ...]] = (
    Gpu(name="B200", product="B200 SXM", tflop_per_s=2250, terabyte_per_s=8.0),
    Gpu(name="H200", product="H200 SXM", tflop_per_s=989, terabyte_per_s=4.8),
    Gpu(name="H100 PCIe", product="H100 PCIe", tflop_per_s=756, terabyte_per_s=2.0),
    Gpu(name="H100", product="H100 SXM", tflop_per_s=989, terabyte_per_s=3.35),
    Gpu(name="A100", product="A100 80GB SXM", tflop_per_s=312, terabyte_per_s=2.039),
    Gpu(name="L40S", product="L40S", tflop_per_s=362, terabyte_per_s=0.864),
    Gpu(name="L4", product="L4", tflop_per_s=121, terabyte_per_s=0.3),
    Gpu(name="RTX 4090", product="RTX 4090", tflop_per_s=165, terabyte_per_s=1.008),
)


def find_gpu(name: str) -> Gpu | None:
    """By the name that the driver or a person gives ("NVIDIA H100 80GB HBM3", "h100"); None where it is not known."""
    return next((gpu for gpu in GPUS if re.search(rf"\b{gpu.name}\b", name, re.IGNORECASE)), None)


def gpu_named(name: str) -> Gpu:
    """As `find_gpu`.

    Raises:
        InvalidInput: GPU_UNKNOWN, none is known by this name.
    """
    gpu = find_gpu(name)
    if gpu is None:
        known = ", ".join(gpu.name for gpu in GPUS)
        raise InvalidInput(f"got GPU {name!r}, expected one of {known}", reason="GPU_UNKNOWN")
    return gpu
