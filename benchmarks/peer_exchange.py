"""The exchange around attention among ranks: ours, and yunchang's (long-context-attention), in the same processes.

Shape letters: P ranks, B batch, T tokens of a rank, H heads, K key-value heads, S head size.
"""

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import yunchang
from torch import Tensor, distributed
from yunchang.kernels import AttnType

from wan_streamer.engine.ulysses.attention import UlyssesAttention
from wan_streamer.engine.ulysses.heads import HeadSplit
from wan_streamer.engine.ulysses.rank_group import RankGroup
from wan_streamer.engine.ulysses.tokens import TokenSplit
from wan_streamer.model.attention import attend_grouped
from wan_streamer.model.presets import nano, v0_1

LIMIT = timedelta(minutes=5)
Mix = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Video tokens of a unit and heads."""

    token_count: int
    head_count: int
    kv_head_count: int
    head_size: int


def shapes() -> dict[str, Shape]:
    """Of nano and v0_1."""
    return {
        config.name: Shape(
            token_count=config.agent_video.tokens_per_unit,
            head_count=config.backbone.head_count,
            kv_head_count=config.backbone.kv_head_count,
            head_size=config.backbone.head_size,
        )
        for config in (nano(), v0_1())
    }


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """All tokens see all."""
    everything = torch.ones(1, k.shape[1], dtype=torch.bool)
    return attend_grouped(q, k.transpose(1, 2), v.transpose(1, 2), everything)


def leave(q: Tensor, _k: Tensor, _v: Tensor) -> Tensor:
    """No attention: what is left is the exchange."""
    return q


class Exchanges:
    """One rank's calls."""

    def __init__(self, group: RankGroup, shape: Shape, seed: int = 0) -> None:
        ranks = group.rank_count
        self.group, self._shape = group, shape
        self._heads = HeadSplit(rank_count=ranks, head_count=shape.head_count, kv_head_count=shape.kv_head_count)
        # Theirs knows neither padding nor tokens that all ranks have.
        assert shape.token_count % ranks == 0
        self._tokens = TokenSplit(rank_count=ranks, replicated_count=0, split_count=shape.token_count)
        generator = torch.Generator().manual_seed(seed)
        self.qkv = [
            self._tokens.own(
                torch.randn(1, shape.token_count, heads, shape.head_size, generator=generator), group.rank, 1
            )
            for heads in (shape.head_count, shape.kv_head_count, shape.kv_head_count)
        ]

    def ours(self, mix: Mix) -> Callable[[], Tensor]:
        """One packed exchange in and one back."""
        ulysses = UlyssesAttention(
            group=self.group, heads=self._heads, tokens=self._tokens, inner=lambda _layer, q, k, v: mix(q, k, v)
        )
        return lambda: ulysses(0, *self.qkv)

    def theirs(self, mix: Mix) -> Callable[[], Tensor]:
        """One exchange for each of queries, keys and values, and one back."""
        ulysses: Any = yunchang.UlyssesAttention(self.group.process_group, attn_type=AttnType.TORCH_MATH)
        ulysses.attn_fn = lambda q, k, v, **_: mix(q, k, v)
        # It needs a key-value head for each rank.
        copies = self.group.rank_count // self._shape.kv_head_count
        if copies <= 1:
            return lambda: ulysses(*self.qkv)
        return lambda: ulysses(self.qkv[0], *(x.repeat_interleave(copies, 2) for x in self.qkv[1:]))

    def collectives(self, *, are_packed: bool) -> Callable[[], None]:
        """The bare collectives of ours or of theirs: the same numbers, in two messages or in four."""
        counts = [x.numel() for x in self.qkv]
        copies = max(1, self.group.rank_count // self._shape.kv_head_count)
        inwards = [counts[0], counts[1] * copies, counts[2] * copies]
        sizes = [sum(inwards) if are_packed else inwards, counts[0]]
        flat = [size for part in sizes for size in (part if isinstance(part, list) else [part])]
        buffers = [(torch.zeros(size), torch.zeros(size)) for size in flat]

        def run() -> None:
            for received, sent in buffers:
                distributed.all_to_all_single(received, sent, group=self.group.process_group)

        return run


def on_processes(rank_count: int, work: Callable[[RankGroup], Any]) -> list[Any]:
    """What `work` returns on each rank, a process each, forked from this one: it must have no threads yet."""
    store = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(rank_count)]
    ranks = [
        context.Process(target=_rank, args=(rank, rank_count, store.port, work, pipe[1]), daemon=True)
        for rank, pipe in enumerate(pipes)
    ]
    for rank in ranks:
        rank.start()
    for _, ours in pipes:
        ours.close()
    results = [theirs.recv() for theirs, _ in pipes]
    for rank in ranks:
        rank.join()
    return results


def _rank(rank: int, rank_count: int, port: int, work: Callable[[RankGroup], Any], result: Any) -> None:
    torch.set_num_threads(1)
    store = distributed.TCPStore("127.0.0.1", port, timeout=LIMIT)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=rank_count, timeout=LIMIT)
    group = distributed.group.WORLD
    assert group is not None
    with torch.inference_mode():
        result.send(work(RankGroup(group)))
    distributed.destroy_process_group()
