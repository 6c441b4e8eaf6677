"""How do the engine's parts compare with others' of the same kind? Side by side in one run, in turns.

    .venv/bin/python benchmarks/peers.py

1. A pass of the backbone over its cache: transformers' Qwen3 with a static cache, the same weights and slots.
2. The exchange among ranks: yunchang's Ulysses (long-context-attention), gloo, a process a rank.
3. A step of the codecs' decoders in a stream: the same decoders over a whole clip at once, by the frame.

Under each comparison stand parts of it that explain the ratio. Ratios are of neighbouring rounds, ours / peer: median
and, in brackets, the middle half. Processor time counts what was worked, all ranks together, also where other jobs have
the cores; the wall is that of rank 0. float32, batch 1, one thread a process, weights from a seed.
"""

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
import tyro
from machine import describe_machine
from paired import HEADER, Cost, Row, in_turns, line
from peer_codec import decodings
from peer_exchange import Exchanges, Shape, attend, leave, on_processes
from peer_exchange import shapes as exchange_shapes
from peer_state_pass import OurPasses, Qwen3Passes, operators, pairs
from peer_state_pass import shapes as backbone_shapes

from wan_streamer.engine.ulysses.rank_group import RankGroup
from wan_streamer.model.presets import nano, untrained
from wan_streamer.unit import FRAMES_PER_UNIT

RANKS = (2, 4)
# Beyond every window of nano.
UNITS_BEFORE = 130


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    parts: tuple[Literal["exchanges", "codecs", "passes"], ...] = ("exchanges", "codecs", "passes")
    """Which comparisons."""
    passes: int = 16
    """Rounds of each pass."""
    exchanges: int = 30
    """Rounds of each exchange."""
    clips: int = 6
    """Rounds of each clip."""
    units: tuple[int, ...] = (4, 16)
    """Lengths of the clips."""


def state_passes(rounds: int) -> Iterator[str]:
    """Comparison 1."""
    yield HEADER.format("a token of a pass over 1,062 slots", "operators a pass")
    for shape, config in backbone_shapes().items():
        ours = OurPasses(untrained(config, 0), first_unit=UNITS_BEFORE)
        theirs = Qwen3Passes(ours.model.transformer, ours.cache.slot_count)
        for name, tokens, (our, peer) in pairs(ours, theirs):
            row = in_turns(f"{shape}, {name}", our, peer, rounds=rounds, per=tokens)
            yield f"{line(row)} {operators(our)} : {operators(peer)} |"


def exchanges(rounds: int) -> Iterator[str]:
    """Comparison 2."""
    yield HEADER.format("exchanges of one layer", "collectives")
    for name, shape in exchange_shapes().items():
        for ranks in RANKS:
            by_rank = on_processes(ranks, functools.partial(_exchange_rows, shape=shape, rounds=rounds))
            for rows in zip(*by_rank, strict=True):
                yield f"{line(_all_ranks(f'{name}, P = {ranks}, {rows[0].name}', rows))} 2 : 4 |"


def _exchange_rows(group: RankGroup, *, shape: Shape, rounds: int) -> list[Row]:
    exchanges_ = Exchanges(group, shape)
    calls: dict[str, tuple[Any, Any]] = {
        "with attention": (exchanges_.ours(attend), exchanges_.theirs(attend)),
        "exchange alone": (exchanges_.ours(leave), exchanges_.theirs(leave)),
        "bare collectives": (exchanges_.collectives(are_packed=True), exchanges_.collectives(are_packed=False)),
    }
    return [in_turns(name, *both, rounds=rounds) for name, both in calls.items()]


def _all_ranks(name: str, rows: tuple[Row, ...]) -> Row:
    """Processor time of all ranks, wall of the first."""

    def together(sides: tuple[Any, ...]) -> list[Cost]:
        return [Cost(costs[0].wall_ms, sum(cost.processor_ms for cost in costs)) for costs in zip(*sides, strict=True)]

    return Row(name=name, ours=together(tuple(r.ours for r in rows)), peer=together(tuple(r.peer for r in rows)))


def codecs(rounds: int, lengths: tuple[int, ...]) -> Iterator[str]:
    """Comparison 3."""
    yield HEADER.format("a frame (40 ms) of nano's codecs", "operators a frame")
    model = untrained(nano(), 0)
    for units in lengths:
        for name, decoding in decodings(model, units).items():
            frames = units * FRAMES_PER_UNIT
            for what, call in (("stream", decoding.streamed), ("steps without memory", decoding.alone)):
                row = in_turns(f"{name}, {units} units, {what}", call, decoding.whole, rounds=rounds, per=frames)
                yield f"{line(row)} {operators(call) / frames:.1f} : {operators(decoding.whole) / frames:.1f} |"


@torch.inference_mode()
def main() -> None:
    """Measures and prints the tables, in Markdown."""
    options = tyro.cli(Options, description=__doc__)
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    print(f"{describe_machine()}, torch {torch.__version__}, 1 thread a process, load before {load:.1f}", flush=True)
    tables = {
        "exchanges": exchanges(options.exchanges),
        "codecs": codecs(options.clips, options.units),
        "passes": state_passes(options.passes),
    }
    # In this order: ranks are forked, before anything else makes threads.
    for table in (table for part, table in tables.items() if part in options.parts):
        print()
        for text in table:
            print(text, flush=True)


if __name__ == "__main__":
    main()
