"""What does a performer's unit cost on several ranks, and how fast does a group end and form again?

    .venv/bin/python benchmarks/performer_group.py                      # nano on 1, 2 and 4 ranks
    .venv/bin/python benchmarks/performer_group.py --ranks 1 2 --units 100

One rank computes in this process, as the service does. Several are processes of their own, as the service starts them;
they take turns, unit by unit, so that a busy moment of the machine falls on all. Weights from a seed.
"""

import functools
import os
import signal
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import torch
import tyro
from machine import describe_machine
from rich.progress import track

from services.performer.epoch import Epoch
from services.performer.group_performer import GroupPerformer
from services.performer.rank import start_here
from services.performer.supervisor import Supervisor
from wan_streamer.engine.config import EngineConfig, load_model
from wan_streamer.engine.exchange import KvSlice
from wan_streamer.engine.performer import Performer
from wan_streamer.engine.ulysses.unit_traffic import unit_traffic
from wan_streamer.model.config import ModelConfig
from wan_streamer.model.layout import USER_KINDS, Kind, UnitLayout


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    preset: str = "nano"
    """Size of the model."""
    ranks: tuple[int, ...] = (1, 2, 4)
    """Numbers of ranks."""
    units: int = 40
    """Units on each."""
    losses: int = 5
    """How often a rank of the smallest group is killed, and how often one is frozen."""


def slice_of(config: ModelConfig, unit_index: int) -> KvSlice:
    """A slice of noise with all its words."""
    backbone, counts = config.backbone, UnitLayout.of(config).counts
    tokens = sum(counts[kind] for kind in (*USER_KINDS, Kind.AGENT_TEXT))
    shape = (backbone.layer_count, 2, backbone.kv_head_count, tokens, backbone.head_size)
    return KvSlice(unit_index=unit_index, keys_values=torch.randn(shape), text_token_count=counts[Kind.AGENT_TEXT])


def timed_ms(call: Callable[[], Any]) -> tuple[float, Any]:
    """How long a call takes, and what it returns."""
    start = time.perf_counter()
    result = call()
    return (time.perf_counter() - start) * 1e3, result


def _drop(*_: Any) -> Any:
    """The table says it all."""
    raise structlog.DropEvent


def group_of(engine: EngineConfig, rank_count: int, on_change: Callable[[int], None]) -> Supervisor:
    """Ranks that run."""
    form = functools.partial(Epoch.form, start_here(engine, load_model, rank_count))
    return Supervisor(form, on_change, structlog.wrap_logger(None, processors=[_drop]))


def measure_units(performers: dict[int, Performer | GroupPerformer], config: ModelConfig, units: int) -> None:
    """Prints the table of costs."""
    sessions: dict[int, Any] = {ranks: performer.open(0) for ranks, performer in performers.items()}
    times: dict[tuple[int, str], list[float]] = defaultdict(list)
    for k in track(range(units), description="units"):
        kv_slice = slice_of(config, k)
        for ranks, performer in performers.items():
            session, performer_ = sessions[ranks], performer  # type: Any, Any
            append_ms, _ = timed_ms(functools.partial(performer_.append, session, kv_slice))
            solve_ms, latents = timed_ms(functools.partial(performer_.solve, session, k))
            clean_ms, _ = timed_ms(functools.partial(performer_.commit, session, latents))
            for name, value in (("append", append_ms), ("solve", solve_ms), ("clean", clean_ms)):
                times[ranks, name].append(value)
    print(
        f"{'ranks':>5} {'append':>8} {'solve':>8} {'clean':>8} {'exchanges':>10} {'KB a rank':>10}   median ms a unit"
    )
    for ranks in performers:
        traffic = unit_traffic(config, ranks, number_bytes=4)
        medians = "".join(f"{statistics.median(times[ranks, name]):9.1f}" for name in ("append", "solve", "clean"))
        collectives = traffic.collectives if ranks > 1 else 0
        print(f"{ranks:>5}{medians} {collectives:>10} {traffic.sent_bytes / 1e3:>10.0f}")


def measure_losses(engine: EngineConfig, rank_count: int, losses: int) -> None:
    """Prints how long after a loss all ranks are gone, and the next epoch begins."""
    begun, over = threading.Event(), threading.Event()
    supervisor = group_of(engine, rank_count, lambda epoch: (begun if epoch else over).set())
    try:
        for name, number in (("killed", signal.SIGKILL), ("frozen", signal.SIGSTOP)):
            ends_ms, forms_ms = [], []
            for turn in track(range(losses), description=name):
                begun.clear()
                over.clear()
                process_ids = supervisor.epoch().process_ids
                start = time.perf_counter()
                os.kill(process_ids[turn % rank_count], number)
                while not over.is_set() or any(Path(f"/proc/{each}").exists() for each in process_ids):
                    time.sleep(0.001)
                ends_ms.append((time.perf_counter() - start) * 1e3)
                begun.wait()
                forms_ms.append((time.perf_counter() - start) * 1e3)
            print(
                f"a rank of {rank_count} {name}: all gone after {statistics.median(ends_ms):.0f} ms "
                f"(worst {max(ends_ms):.0f}), next epoch after {statistics.median(forms_ms):.0f} ms "
                f"(worst {max(forms_ms):.0f})"
            )
    finally:
        supervisor.stop()


def main() -> None:
    """Runs both and prints."""
    options = tyro.cli(Options, description=__doc__)
    engine = EngineConfig(preset=options.preset)
    alone = Performer(load_model(engine))
    config = alone.model.config
    print(f"a performer's unit of {config.name}, {describe_machine()}, torch {torch.__version__}, 1 thread a rank")
    with ExitStack() as groups:
        performers: dict[int, Performer | GroupPerformer] = {}
        for ranks in options.ranks:
            if ranks == 1:
                performers[1] = alone
                continue
            supervisor = group_of(engine, ranks, lambda _: None)
            groups.callback(supervisor.stop)
            performers[ranks] = GroupPerformer(supervisor, ranks)
        measure_units(performers, config, options.units)
    smallest = min((ranks for ranks in options.ranks if ranks > 1), default=0)
    if smallest:
        measure_losses(engine, smallest, options.losses)


if __name__ == "__main__":
    main()
