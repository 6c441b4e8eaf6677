"""A preset's units on a device, stage by stage, with full caches: a part of gpu_check.py."""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from unit_cost import noisy_unit

from wan_streamer.engine.budget import Budget, budget_of
from wan_streamer.engine.captured import Recorder
from wan_streamer.engine.number_type import NumberType, serve_in
from wan_streamer.engine.phases import session_capacity
from wan_streamer.engine.schedule import Duplex, DuplexSession
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.mask import window_units
from wan_streamer.model.presets import untrained
from wan_streamer.model.wan_streamer import WanStreamer

WARM_UP_UNITS: Final = 5
# What each process does for a unit; and what the answer waits for.
PROCESSES: Final = {
    "thinker": ("encode", "state", "text", "decode", "commit"),
    "performer": ("append", "solve", "clean"),
    "answer": ("encode", "state", "text", "append", "solve", "decode"),
}


class DeviceStopwatch:
    """Times of stages in milliseconds, each until the device has done its work."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.units: list[dict[str, float]] = []

    def synchronize(self) -> None:
        """Waits for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times one stage of the newest unit."""
        start = time.perf_counter()
        yield
        self.synchronize()
        self.units[-1][name] = (time.perf_counter() - start) * 1e3

    def summary(self) -> dict[str, dict[str, float]]:
        """Median and 99th percentile of every stage and process."""
        times: dict[str, list[float]] = defaultdict(list)
        for unit in self.units:
            for name, milliseconds in unit.items():
                times[name].append(milliseconds)
            for process, stages in PROCESSES.items():
                times[process].append(sum(unit[stage] for stage in stages))
        return {
            name: {"p50": statistics.median(values), "p99": float(np.percentile(values, 99))}
            for name, values in times.items()
        }


def random_weights(config: ModelConfig, device: torch.device, number_type: NumberType) -> WanStreamer:
    """A model whose weights are made on the device."""
    with device:
        model = serve_in(untrained(config, 0), number_type)
    # Tables that come from numpy.
    return model.to(device)


@torch.inference_mode()
def fill(duplex: Duplex, session: DuplexSession) -> int:
    """Fills the windows of both caches with random keys and values, without a pass; returns the next unit."""
    history, seat = duplex.thinker.model.config.history, session.thinker.seat
    units = history.sink_units + int(window_units(history, torch.device("cpu")).max()) + 3
    for k in range(units):
        for place in (seat.heard.place, seat.unit.place):
            seat.cache.move(place, k)
            seat.cache.commit(place.kinds, k)
    seat.cache.keys_values.normal_()
    session.performer.cache.restore(seat.cache.state())
    return units


def measure_preset(
    config: ModelConfig,
    device: torch.device,
    number_type: NumberType,
    recorder: Recorder,
    *,
    units: int,
    until_s: float,
    ceiling_tflop_per_s: float,
) -> dict[str, Any]:
    """Stages, memory and what follows from them.

    Args:
        units: to measure; fewer where `until_s` (time.monotonic) comes first.
        ceiling_tflop_per_s: what matrix products reach here.
    """
    start = time.perf_counter()
    budget, duplex = budget_of(config), Duplex(random_weights(config, device, number_type), recorder)
    weight_bytes = sum(weight.nbytes for weight in duplex.thinker.model.state_dict().values())
    session, watch = duplex.open(seed=0), DeviceStopwatch(device)
    first, random = fill(duplex, session), np.random.default_rng(0)
    users = [noisy_unit(config, 0, random) for _ in range(4)]
    watch.synchronize()
    prepare_s = time.perf_counter() - start
    for k in range(first, first + WARM_UP_UNITS + units):
        user = type(users[0])(unit_index=k, audio=users[k % 4].audio, video=users[k % 4].video)
        watch.units.append({})
        duplex.step(session, user, watch.stage)
        if time.monotonic() > until_s and len(watch.units) > 2 * WARM_UP_UNITS:
            break
    del watch.units[:WARM_UP_UNITS]
    stages = watch.summary()
    return {
        "units": len(watch.units),
        "number_type": number_type,
        "prepare_s": prepare_s,
        "stages_ms": stages,
        "tokens_per_s": budget.token_count / (stages["thinker"]["p50"] + stages["performer"]["p50"]) * 1e3,
        "ceiling_fraction": {
            process: budget.unit_flop(process) / (stages[process]["p50"] * 1e-3) / (ceiling_tflop_per_s * 1e12)
            for process in ("thinker", "performer")
        },
        "memory": _memory(budget, device, weight_bytes),
        "sessions": {process: session_capacity(stages[process]["p50"]) for process in ("thinker", "performer")},
    }


def _memory(budget: Budget, device: torch.device, weight_bytes: int) -> dict[str, float]:
    """Bytes of weights, of a session of each process and at most in use; and sessions that there is room for."""
    memory = {
        "weight_bytes": weight_bytes,
        "thinker_session_bytes": budget.session_bytes["thinker"],
        "performer_session_bytes": budget.session_bytes["performer"],
    }
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated()
        total = torch.cuda.get_device_properties(device).total_memory
        # Beside one session of either process, what else was in use is needed once.
        once = peak - sum(budget.session_bytes.values())
        memory |= {"peak_bytes": peak, "total_bytes": total}
        memory["sessions_with_room"] = int((total - once) // budget.session_bytes["performer"])
    return memory
