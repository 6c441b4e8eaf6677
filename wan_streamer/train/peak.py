"""What a device can compute at most, to say how much of it training uses."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import torch

# Dense bfloat16, 10^12 operations a second, from the makers' data sheets; the first name that fits counts.
PEAK_TFLOP_PER_S: Final[Mapping[str, float]] = MappingProxyType(
    {"B200": 2250, "H200": 989, "H100 PCIe": 756, "H100": 989, "A100": 312, "L40S": 362, "L4": 121, "RTX 4090": 165}
)


def peak_tflop_per_s(device: torch.device, *, bfloat16: bool) -> float | None:
    """Of one device, or None where it is not known: on processors, in float32, on other GPUs."""
    if device.type != "cuda" or not bfloat16:
        return None
    return peak_of(torch.cuda.get_device_name(device))


def peak_of(device_name: str) -> float | None:
    """By the name that the driver gives."""
    return next((peak for name, peak in PEAK_TFLOP_PER_S.items() if name in device_name), None)
