"""What do width, key-value heads and the length of history cost? One pass of nano's passes, size by size.

    .venv/bin/python benchmarks/pass_cost.py

Median milliseconds of one pass over the user's tokens, one text token and the agent's latents, with full-size caches.
The sizes take turns, so that a busy moment of the machine falls on all of them.
"""

import dataclasses
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import torch
import tyro
from machine import describe_machine
from rich.progress import track

from wan_streamer.engine.kv import KvCache
from wan_streamer.model.config import HistoryConfig, ModelConfig
from wan_streamer.model.layout import LATENT_KINDS, USER_KINDS, Kind
from wan_streamer.model.presets import nano, untrained

UNIT_INDEX = 5


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    rounds: int = 30
    """Passes of each kind and size."""
    threads: int = 1
    """Threads of torch."""


def sizes() -> dict[str, ModelConfig]:
    """nano, and nano with one thing changed."""
    base = nano()
    backbone, history = base.backbone, base.history

    def changed(**changes: int) -> ModelConfig:
        return dataclasses.replace(base, backbone=dataclasses.replace(backbone, **changes))

    def windows(factor: float) -> ModelConfig:
        scaled = {
            field.name: round(getattr(history, field.name) * factor)
            for field in dataclasses.fields(HistoryConfig)
            if field.name != "sink_units"
        }
        return dataclasses.replace(base, history=dataclasses.replace(history, **scaled))

    return {
        "nano: 256 x 8, 4 heads, 2 kv, MLP 640": base,
        "1 kv head": changed(kv_head_count=1),
        "4 kv heads": changed(kv_head_count=4),
        "MLP 1024": changed(mlp_width=1024),
        "6 layers": changed(layer_count=6),
        "width 320, 5 heads, 1 kv, MLP 800": changed(width=320, head_count=5, kv_head_count=1, mlp_width=800),
        "width 384, 6 heads, 2 kv, MLP 960": changed(width=384, head_count=6, kv_head_count=2, mlp_width=960),
        "windows halved": windows(0.5),
        "windows doubled": windows(2),
        "windows x 4": windows(4),
    }


def passes(config: ModelConfig) -> tuple[dict[str, Callable[[], object]], int, float]:
    """The three kinds of passes of a model, its cache slots and its backbone's parameters in millions."""
    model = untrained(config, 0)
    cache = KvCache(model)
    plain, offsets = model.no_modulation(), model.layout.offsets_T3()

    def block(kinds: tuple[Kind, ...], count: int | None = None) -> Callable[[], object]:
        place, tokens = cache.place(kinds, [(kinds[0], 0)], offsets[model.layout.slice(*kinds)]), slice(0, count)
        x = torch.randn(1, place.turned(tokens).cos.shape[0], config.backbone.width)

        def run() -> object:
            cache.move(place, UNIT_INDEX)
            return model.transformer(x, place.turned(tokens), plain, cache.attention(place, tokens, 0))

        return run

    kinds_of_pass = {
        "user": block(USER_KINDS),
        "text token": block((Kind.AGENT_TEXT,), 1),
        "latents": block(LATENT_KINDS),
    }
    return kinds_of_pass, cache.slot_count, sum(p.numel() for p in model.transformer.parameters()) / 1e6


@torch.inference_mode()
def main() -> None:
    """Measures and prints the table, in Markdown."""
    options = tyro.cli(Options, description=__doc__)
    torch.set_num_threads(options.threads)
    built = {name: passes(config) for name, config in sizes().items()}
    times_ms: dict[tuple[str, str], list[float]] = defaultdict(list)
    for round_ in track(range(options.rounds + 2), description="measuring"):
        for name, (kinds, _, _) in built.items():
            for kind, run in kinds.items():
                start = time.perf_counter()
                run()
                if round_ >= 2:
                    times_ms[name, kind].append((time.perf_counter() - start) * 1e3)
    print(f"{describe_machine()}, torch {torch.__version__}, {options.threads} threads, median of {options.rounds}\n")
    print("| size | backbone parameters | slots | user | text token | latents |\n|---|---|---|---|---|---|")
    for name, (kinds, slots, parameters) in built.items():
        cells = " | ".join(f"{statistics.median(times_ms[name, kind]):.1f}" for kind in kinds)
        print(f"| {name} | {parameters:.1f} M | {slots} | {cells} |")


if __name__ == "__main__":
    main()
