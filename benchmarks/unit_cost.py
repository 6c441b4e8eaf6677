"""What does one unit of a preset cost, stage by stage, and does it stay flat? Everything in one process.

    .venv/bin/python benchmarks/unit_cost.py                 # nano, ten minutes of conversation (takes about five)
    .venv/bin/python benchmarks/unit_cost.py --minutes 2

A conversation is driven to its last minute; then its units take turns with those of a new one in its first minute, so
that a busy moment of the machine falls on both. Weights from a seed: the cost does not depend on their values.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import tyro
from machine import describe_machine
from rich.progress import track

from wan_streamer.engine.exchange import UserInput
from wan_streamer.engine.schedule import Duplex
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.presets import preset, untrained
from wan_streamer.unit import FRAMES_PER_UNIT, UNIT_MS, samples_per_unit

UNITS_PER_MINUTE = 60_000 // UNIT_MS
TOTAL = "whole unit"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    preset: str = "nano"
    """Size of the model."""
    minutes: int = 10
    """Length of the conversation, at least 2."""
    threads: int = 2
    """Threads of torch."""


class Stopwatch:
    """Times of stages, in milliseconds."""

    def __init__(self) -> None:
        self.times_ms: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times one stage."""
        start = time.perf_counter()
        yield
        self.times_ms[name].append((time.perf_counter() - start) * 1e3)


def noisy_unit(config: ModelConfig, unit_index: int, random: np.random.Generator) -> UserInput:
    """A unit of noise."""
    shape = (FRAMES_PER_UNIT, config.user_video.height, config.user_video.width, 3)
    return UserInput(
        unit_index=unit_index,
        audio=random.uniform(-0.1, 0.1, samples_per_unit(config.user_audio.sample_rate_hz)).astype(np.float32),
        video=random.integers(0, 256, shape, dtype=np.uint8),
    )


def main() -> None:
    """Runs the conversation and prints the table."""
    options = tyro.cli(Options, description=__doc__)
    torch.set_num_threads(options.threads)
    config = preset(options.preset)
    duplex = Duplex(untrained(config, 0))
    session = duplex.open(seed=0)
    cache_bytes = session.thinker.cache.byte_count + session.performer.cache.byte_count
    random = np.random.default_rng(0)
    old_units = (options.minutes - 1) * UNITS_PER_MINUTE
    for k in track(range(old_units), description=f"to minute {options.minutes}"):
        duplex.step(session, noisy_unit(config, k, random))
    new_session, new, old = duplex.open(seed=0), Stopwatch(), Stopwatch()
    for k in track(range(UNITS_PER_MINUTE), description="measuring"):
        for watch, which, first in ((new, new_session, 0), (old, session, old_units)):
            user = noisy_unit(config, first + k, random)
            with watch.stage(TOTAL):
                duplex.step(which, user, watch.stage)

    print(f"one unit of {config.name}, {describe_machine()}, torch {torch.__version__}, {options.threads} threads")
    print(
        f"{session.performer.cache.slot_count} cache slots a pass, {cache_bytes / 1e6:.0f} MB of cache a session, "
        f"{sum(p.numel() for p in duplex.thinker.model.parameters()) / 1e6:.1f} M parameters"
    )
    print(f"{'median ms':12}{'minute 1':>11}{f'minute {options.minutes}':>11}{'ratio of pairs':>16}")
    for name, new_ms in new.times_ms.items():
        old_ms = old.times_ms[name]
        ratio = statistics.median(b / a for a, b in zip(new_ms, old_ms, strict=True))
        print(f"{name:12}{statistics.median(new_ms):11.1f}{statistics.median(old_ms):11.1f}{ratio:16.2f}")


if __name__ == "__main__":
    main()
