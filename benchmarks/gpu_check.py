"""Does the GPU path hold, and how fast is it? One GPU, under eight minutes; what is done is saved after each part.

    make gpu-check                                   # writes benchmarks/results/gpu.json and docs/gpu.md

Correctness against the CPU at small size, graphs against eager passes, what the GPU can do at most, then the large
presets with random weights made on the GPU: stages over 300 units with full caches.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import tyro
from gpu_agreement import measure_agreement
from gpu_limits import measure_attention, measure_limits
from gpu_stages import measure_preset
from machine import describe_machine

from wan_streamer.engine.attention_kernel import check_kernel
from wan_streamer.engine.captured import recorder_on
from wan_streamer.model.presets import nano, preset, v0_2

RESULT = Path(__file__).parent / "results" / "gpu.json"
NO_GPU = 3


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to check."""

    presets: tuple[str, ...] = ("v0_1", "v0_1_1b7", "v0_2", "v0_2_1b7")
    """Presets to measure, in this order."""
    units: int = 300
    """Units of each."""
    limit_s: float = 440.0
    """It ends by itself after this long, and says what it left out."""
    out: Path = RESULT
    """Where the results go."""


class Check:
    """Runs parts one after the other, as far as time allows."""

    def __init__(self, out: Path, limit_s: float) -> None:
        self.out = out
        self.end_s = time.monotonic() + limit_s
        self.result: dict[str, Any] = {"left_out": [], "presets": {}}

    def part(self, name: str, work: Callable[[], Any], into: dict[str, Any]) -> None:
        """Does a part and saves; leaves it out when there is no time, and notes why where it fails."""
        if time.monotonic() > self.end_s:
            self.result["left_out"].append(f"{name}: no time was left")
        else:
            print(f"{name} ...", flush=True)
            try:
                into[name] = work()
            except Exception as error:  # the other parts still say something
                self.result["left_out"].append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}")
        self.out.parent.mkdir(exist_ok=True)
        self.out.write_text(json.dumps(self.result, indent=1) + "\n")


def main() -> int:
    """Runs the check; exit code 0 when all was done and agrees."""
    options = tyro.cli(Options, description=__doc__)
    if not torch.cuda.is_available():
        print("gpu-check needs a CUDA GPU, and none can be used here; docs/gpu.md says what is checked without one")
        return NO_GPU
    device = torch.device("cuda", 0)
    check = Check(options.out, options.limit_s)
    check.result |= {
        "gpu": torch.cuda.get_device_name(device),
        "machine": describe_machine(),
        "torch": torch.__version__,
    }
    check_kernel(v0_2().backbone, device, torch.bfloat16)
    check.part("agreement", lambda: measure_agreement(nano(), device), check.result)
    check.part("limits", lambda: measure_limits(device), check.result)
    check.part("attention", lambda: measure_attention(v0_2(), device), check.result)
    for place, name in enumerate(options.presets):
        # What is left is shared by the presets that are left; the first ones need less than their share.
        share_s = (check.end_s - time.monotonic()) / (len(options.presets) - place)
        check.part(name, lambda n=name, s=share_s: _preset(n, device, options.units, s, check), check.result["presets"])
    agreement = check.result.get("agreement", {})
    return int(bool(check.result["left_out"]) or not all(each["agrees"] for each in agreement.values()))


def _preset(name: str, device: torch.device, units: int, share_s: float, check: Check) -> dict[str, Any]:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return measure_preset(
        preset(name),
        device,
        "bfloat16",
        recorder_on(device),
        units=units,
        until_s=time.monotonic() + share_s,
        ceiling_tflop_per_s=check.result["limits"]["matmul_tflop_per_s"],
    )


if __name__ == "__main__":
    sys.exit(main())
