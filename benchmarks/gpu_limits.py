"""What a GPU can do at most, measured: matrix products, memory, and attention by kernel. A part of gpu_check.py."""

import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from wan_streamer.engine.budget import meta_model
from wan_streamer.engine.kv import KvCache
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.layout import LATENT_KINDS

ROUNDS: Final = 20
# The flash kernel takes no mask: what attention without one would cost.
KERNELS: Final = {
    "efficient, masked": (SDPBackend.EFFICIENT_ATTENTION, True),
    "cudnn, masked": (SDPBackend.CUDNN_ATTENTION, True),
    "flash, no mask": (SDPBackend.FLASH_ATTENTION, False),
}


def measure_limits(device: torch.device, size: int = 8192) -> dict[str, float]:
    """Dense bfloat16 products, TFLOP/s, and copies within the memory, TB/s (each byte is read and written)."""
    a, b = (torch.randn(size, size, device=device).to(torch.bfloat16) for _ in range(2))
    big = torch.empty(size * size * 8, dtype=torch.uint8, device=device)
    other = torch.empty_like(big)
    return {
        "matmul_tflop_per_s": 2 * size**3 / _seconds(lambda: a @ b, device) / 1e12,
        "copy_terabyte_per_s": 2 * big.nbytes / _seconds(lambda: other.copy_(big), device) / 1e12,
    }


def measure_attention(config: ModelConfig, device: torch.device) -> dict[str, Any]:
    """One layer's attention of a latent pass over the whole cache, by kernel: TFLOP/s, or why there is none."""
    model = meta_model(config)
    slots = KvCache(model).slot_count
    c, counts = config.backbone, model.layout.counts
    queries = sum(counts[kind] for kind in LATENT_KINDS) * c.head_count // c.kv_head_count
    q, k, v = (
        torch.randn(1, c.kv_head_count, n, c.head_size, device=device).to(torch.bfloat16)
        for n in (queries, slots, slots)
    )
    bias = torch.zeros(1, slots, dtype=torch.bfloat16, device=device)
    flop = 4 * c.kv_head_count * queries * slots * c.head_size
    result: dict[str, Any] = {}
    for name, (kernel, is_masked) in KERNELS.items():
        mask = bias if is_masked else None
        try:
            with sdpa_kernel([kernel]):
                seconds = _seconds(lambda mask=mask: scaled_dot_product_attention(q, k, v, attn_mask=mask), device)
            result[name] = flop / seconds / 1e12
        except RuntimeError as error:
            result[name] = f"none here: {str(error).splitlines()[0]}"
    return result


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    """Median time of a call on the device."""
    times = []
    for _ in range(ROUNDS + 3):
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[3:])
