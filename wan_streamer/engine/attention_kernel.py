"""Which kernel attends: chosen here for each kind of device, never by what happens to be there.

On CUDA it is the memory-efficient one of PyTorch, for float32 and bfloat16: the flash one takes no mask, and ours says
which slots of a ring hold something. Processors have one fused kernel, which PyTorch takes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from wan_streamer.errors import InvalidInput
from wan_streamer.model.config import BackboneConfig

CUDA_KERNEL = SDPBackend.EFFICIENT_ATTENTION


@contextmanager
def attending(device: torch.device) -> Iterator[None]:
    """Within this context attention runs on the device's kernel or fails: nothing else steps in silently."""
    if device.type != "cuda":
        yield
        return
    with sdpa_kernel([CUDA_KERNEL]):
        yield


def check_kernel(
    backbone: BackboneConfig, device: torch.device, dtype: torch.dtype, kernel: SDPBackend = CUDA_KERNEL
) -> None:
    """Attends once as the passes do, so that what is missing is known at the start.

    Raises:
        InvalidInput: ATTENTION_KERNEL, there is no such kernel for this device, number type and head size.
    """
    q, k = (
        torch.zeros(1, backbone.kv_head_count, count, backbone.head_size, dtype=dtype, device=device)
        for count in (1, 32)
    )
    try:
        with sdpa_kernel([kernel]):
            scaled_dot_product_attention(q, k, k, attn_mask=q.new_zeros(1, 32))
    except RuntimeError as error:
        raise InvalidInput(
            f"got {dtype} and head size {backbone.head_size} on {_name(device)}, for which PyTorch "
            f"{torch.__version__} has no kernel {kernel.name} ({error}); serve with --dtype bfloat16 or float32 on a "
            "GPU of compute capability 8.0 or later, or with --device cpu",
            reason="ATTENTION_KERNEL",
        ) from error


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
