"""What a device can compute at most, to say how much of it training uses."""

import torch

from wan_streamer.engine.gpu import find_gpu


def peak_tflop_per_s(device: torch.device, *, bfloat16: bool) -> float | None:
    """Of one device, or None where it is not known: on processors, in float32, on other GPUs."""
    if device.type != "cuda" or not bfloat16:
        return None
    return peak_of(torch.cuda.get_device_name(device))


def peak_of(device_name: str) -> float | None:
    """By the name that the driver gives."""
    gpu = find_gpu(device_name)
    return None if gpu is None else gpu.tflop_per_s
