"""Engines that fail: ranks that strike themselves down at a chosen place of a unit, and models that stand still."""

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import torch

from services.performer.rank_process import WARM_UP_UNITS
from tests.support.tiny import tiny_config
from wan_streamer.engine.config import EngineConfig
from wan_streamer.engine.kv import KvCache
from wan_streamer.engine.warm_up import UNITS as MEASURED_UNITS
from wan_streamer.errors import InvalidInput
from wan_streamer.model.presets import untrained
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.v1 import performer_pb2 as pb
from wan_streamer.v1 import performer_pb2_grpc

CLEAN_PASS = 2
STAGE, COMMIT = "KvCache.stage", "KvCache.commit"
# A slice is staged kind by kind: the user's two, and the words.
CACHE_CALLS = {STAGE: 3, COMMIT: 1}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Where a rank is struck: before or after `place` computes for the pass `pass_index` of unit `unit_index`.

    Attributes:
        place: a module of the model; or STAGE or COMMIT, where the cache takes a slice or makes a unit history.
        pass_index: 0 and 1 are the solver's steps, 2 is the clean pass; of the cache, its calls for the unit.
        signal_number: what it sends itself.
    """

    rank: int
    place: str
    pass_index: int = 0
    is_after: bool
    signal_number: int
    unit_index: int = 1

    @property
    def is_answered(self) -> bool:
        """Whether the latents have left before: the clean pass comes after."""
        return self.place == COMMIT or self.pass_index == CLEAN_PASS


@dataclass(frozen=True, kw_only=True)
class RankModel:
    """Loads the tiny model in a rank's process, whose id it leaves in `folder`; with a fault, the first time."""

    folder: Path
    fault: Fault | None = None

    def __call__(self, config: EngineConfig) -> WanStreamer:
        torch.set_num_threads(1)
        rank = int(multiprocessing.current_process().name.removeprefix("rank-"))
        (self.folder / f"{rank}.pid").write_text(str(os.getpid()))
        model = untrained(tiny_config(), 0)
        if self.fault and self.fault.rank == rank and not self.struck.exists():
            self._arm(model, self.fault)
        return model

    @property
    def struck(self) -> Path:
        """Exists from the moment of the fault on and holds it, in seconds since 1970."""
        return self.folder / "struck"

    def process_id(self, rank: int) -> int:
        """Of the rank that started last."""
        return int((self.folder / f"{rank}.pid").read_text())

    def _arm(self, model: WanStreamer, fault: Fault) -> None:
        passes = model.config.solver_steps + 1
        # A solver's head is not called by the clean pass.
        calls = CACHE_CALLS.get(fault.place, passes - 1 if fault.place.endswith("_head") else passes)
        left = (WARM_UP_UNITS + MEASURED_UNITS + fault.unit_index) * calls + fault.pass_index

        def strike(*_: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0 and not self.struck.exists():
                self.struck.write_text(str(time.time()))
                os.kill(os.getpid(), fault.signal_number)

        if fault.place in CACHE_CALLS:
            _strike_at_cache(fault, strike)
        elif fault.is_after:
            model.get_submodule(fault.place).register_forward_hook(strike)
        else:
            model.get_submodule(fault.place).register_forward_pre_hook(strike)


def _strike_at_cache(fault: Fault, strike: Callable[[], None]) -> None:
    """In this process, which is the rank's own."""
    name = fault.place.removeprefix("KvCache.")
    original = getattr(KvCache, name)

    def struck(cache: KvCache, *arguments: Any) -> None:
        if not fault.is_after:
            strike()
        original(cache, *arguments)
        if fault.is_after:
            strike()

    setattr(KvCache, name, struck)


class StandingModel:
    """Loads the tiny model; while `moves` is not set, who computes with it stands still."""

    def __init__(self) -> None:
        self.moves = threading.Event()
        self.moves.set()

    def __call__(self, _config: EngineConfig) -> WanStreamer:
        model = untrained(tiny_config(), 0)
        for module in model.modules():
            module.register_forward_pre_hook(lambda *_: self.moves.wait(60) and None)
        return model


def refused_model(_config: EngineConfig) -> WanStreamer:
    """A configuration that no rank can load."""
    raise InvalidInput("got preset 'none', expected another", reason="PRESET_UNKNOWN")


def any_alive(process_ids: Iterable[int]) -> bool:
    """Whether one of these processes still exists."""
    return any(Path(f"/proc/{process_id}").exists() for process_id in process_ids)


async def formed_group(channel: grpc.aio.Channel) -> pb.DescribePerformerResponse:
    """A group's description, once it has formed."""
    stub = performer_pb2_grpc.PerformerServiceStub(channel)
    async with asyncio.timeout(60):
        while True:
            try:
                return await stub.DescribePerformer(pb.DescribePerformerRequest())
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE or from_rpc_error(error).reason != "GROUP_FORMING":
                    raise
                await asyncio.sleep(0.02)
