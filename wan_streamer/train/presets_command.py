"""`python -m wan_streamer.train.presets_command`: what `wan-streamer presets` starts."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from tyro.conf import Positional

from wan_streamer.engine.budget import Budget, budget_of
from wan_streamer.engine.gpu import Gpu, gpu_named
from wan_streamer.model.presets import PRESETS, preset
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.presets_table import presets_table

# Wider than any table: a terminal's width would bound what is measured.
UNBOUNDED = 10_000


@dataclass(frozen=True, kw_only=True)
class PresetsOptions:
    """What each preset costs, from its configuration alone."""

    names: Positional[tuple[str, ...]] = ()
    """Presets, or weights (NAME.safetensors), which carry their configuration; all presets when absent."""
    gpu: str = "H100"
    """Whose floor to say."""
    json: bool = False
    """Print JSON: bytes, operations and milliseconds."""


def show_presets(options: PresetsOptions, console: Console) -> None:
    """Prints the table, or JSON.

    Raises:
        InvalidInput: an unknown preset or GPU.
    """
    gpu = gpu_named(options.gpu)
    configs = [preset(name) for name in options.names or PRESETS]
    budgets = [budget_of(config) for config in configs]
    if options.json:
        text = json.dumps([_as_json(budget, gpu) for budget in budgets], indent=2)
        console.print(text, highlight=False, markup=False, soft_wrap=True)
    else:
        for table in _fitting(budgets, gpu, console):
            console.print(table)


def _fitting(budgets: Sequence[Budget], gpu: Gpu, console: Console) -> list[Table]:
    """One table if it has room, else several of fewer presets: half a number says nothing."""
    anywhere = console.options.update(width=UNBOUNDED)
    for size in range(len(budgets), 0, -1):
        tables = [presets_table(budgets[first : first + size], gpu) for first in range(0, len(budgets), size)]
        if all(console.measure(table, options=anywhere).maximum <= console.width for table in tables):
            break
    return tables


def _as_json(budget: Budget, gpu: Gpu) -> dict[str, Any]:
    floor_ms = {process: budget.floor_ms(process, gpu) for process in budget.session_bytes}
    return dataclasses.asdict(budget) | {
        "tokens": {kind.name.lower(): count for kind, count in budget.tokens.items()},
        "passes": [dataclasses.asdict(each) | {"floor_ms": each.floor_ms(gpu)} for each in budget.passes],
        "kv_unit_bytes": budget.kv_unit_bytes,
        "kv_minute_bytes": budget.kv_minute_bytes,
        "kv_cache_bytes": budget.kv_cache_bytes,
        "unit_flop": {process: budget.unit_flop(process) for process in budget.session_bytes},
        "minute_flop": budget.minute_flop,
        "gpu": gpu.product,
        "floor_ms": floor_ms | {"answer": budget.answer_floor_ms(gpu)},
    }


if __name__ == "__main__":
    sys.exit(run_program(PresetsOptions, show_presets))
