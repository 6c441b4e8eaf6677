"""Ranks as threads of this process, with real gloo between them: no process has to start."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed

from wan_streamer.engine.ulysses.rank_group import RankGroup

R = TypeVar("R")
LIMIT = timedelta(seconds=60)


def on_ranks(rank_count: int, work: Callable[[RankGroup], R]) -> list[R]:
    """What `work` returns on each rank."""
    store = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)

    def on_rank(rank: int) -> R:
        return work(RankGroup(_process_group(distributed.TCPStore("127.0.0.1", store.port), rank, rank_count)))

    with ThreadPoolExecutor(rank_count) as threads:
        ranks = [threads.submit(on_rank, rank) for rank in range(rank_count)]
        return [each.result() for each in ranks]


def _process_group(store: distributed.Store, rank: int, rank_count: int) -> distributed.ProcessGroup:
    # `init_process_group` does the same, once a process.
    group = distributed.ProcessGroup(store, rank, rank_count)
    gloo = distributed.ProcessGroupGloo(store, rank, rank_count, LIMIT)
    kind = distributed.ProcessGroup.BackendType.GLOO
    group._register_backend(torch.device("cpu"), kind, gloo)
    group._set_default_backend(kind)
    return group
