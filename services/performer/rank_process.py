"""A process of a performer group: one rank. It has no gRPC; the service owns the stream and this process."""

import gc
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, Final

import torch
from torch import distributed

from services.performer.commands import (
    Answer,
    Append,
    Close,
    Command,
    Commit,
    Committed,
    Open,
    Ready,
    Reserve,
    Solve,
    Solved,
)
from services.performer.interface import interface_to
from services.performer.line import Serve
from services.performer.wire import Rendezvous, connected
from wan_streamer.engine.config import EngineConfig, recorder_of
from wan_streamer.engine.exchange import KvSlice, Latents
from wan_streamer.engine.number_type import from_array
from wan_streamer.engine.performer import PerformerSession
from wan_streamer.engine.ulysses.performer import UlyssesPerformer
from wan_streamer.engine.ulysses.rank_group import RankGroup
from wan_streamer.engine.warm_up import performer_cost_ms
from wan_streamer.errors import InvalidInput, WanStreamerError
from wan_streamer.model.wan_streamer import WanStreamer

# Ranks do not load equally fast.
JOIN_LIMIT: Final = timedelta(minutes=10)
# For a rank whose peers have gone while nobody was left to end it: it gives up by itself.
EXCHANGE_LIMIT: Final = timedelta(seconds=20)

# The first unit pays for what is set up once. Sessions wait for a group that forms again: not more than needed.
WARM_UP_UNITS: Final = 2

Load = Callable[[EngineConfig], WanStreamer]


@dataclass(frozen=True, kw_only=True)
class RankPlace:
    """Which rank of which group; they find each other at a store.

    Attributes:
        is_apart: each rank has a host of its own, with one GPU.
    """

    rank: int
    rank_count: int
    store_host: str = "127.0.0.1"
    store_port: int
    is_apart: bool = False


def run_rank(place: RankPlace, config: EngineConfig, load: Load, commands: "Connection[Any, Any]") -> None:
    """Says `Ready` (or the error that keeps it from that), then does what it is told until `commands` is closed."""
    # The terminal's Ctrl-C is for the service, which drains first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        performer = UlyssesPerformer(_load(place, config, load), _join(place, config), recorder_of(config))
    except WanStreamerError as error:
        commands.send(error)
        return
    performer_cost_ms(performer, WARM_UP_UNITS)
    # As in every service: a collection of the model's modules and of torch's would stop all ranks.
    gc.collect()
    gc.freeze()
    model = performer.model
    commands.send(Ready(config=model.config, fingerprint=model.fingerprint(), dtype=performer.dtype))
    RankServer(performer, commands).run()


def run_rank_apart(place: RankPlace, config: EngineConfig, load: Load, meeting: Rendezvous, epoch: int) -> None:
    """As `run_rank`, on another host than rank 0, whose service it calls for its commands."""
    commands = connected(meeting)
    commands.send(Serve(epoch=epoch, rank=place.rank))
    run_rank(place, config, load, commands)


class RankServer:
    """Does commands one after the other."""

    def __init__(self, performer: UlyssesPerformer, commands: "Connection[Any, Any]") -> None:
        self._performer = performer
        self._commands = commands
        self._sessions: dict[int, PerformerSession] = {}
        self._solved: dict[int, tuple[Latents, tuple[int, int]]] = {}

    def run(self) -> None:
        """Returns when the service has closed its end or is gone."""
        while True:
            try:
                command: Command = self._commands.recv()
            except EOFError:
                return
            answer = self._do(command)
            if answer is not None:
                self._commands.send(answer)

    def _do(self, command: Command) -> Answer | None:
        match command:
            case Reserve(count=count):
                self._performer.reserve(count)
            case Open(session=session, seed=seed):
                self._sessions[session] = self._performer.open(seed)
            case Append(session=session):
                self._performer.append(self._sessions[session], _slice_of(command))
            case Solve(session=session, unit_index=unit_index):
                begun = time.time_ns()
                latents = self._performer.solve(self._sessions[session], unit_index)
                # Waits for the GPU: the times are of work that is done.
                answer = _answer_of(latents)
                self._solved[session] = latents, (begun, time.time_ns())
                return answer if self._performer.group.rank == 0 else None
            case Commit(session=session):
                latents, solve_unix_ns = self._solved.pop(session)
                begun = time.time_ns()
                self._performer.commit(self._sessions[session], latents)
                return Committed(solve_unix_ns=solve_unix_ns, clean_unix_ns=(begun, time.time_ns()))
            case Close(session=session):
                self._performer.close(self._sessions.pop(session))
                self._solved.pop(session, None)
        return None


def _load(place: RankPlace, config: EngineConfig, load: Load) -> WanStreamer:
    if config.device == "cuda":
        if not place.is_apart and place.rank_count > torch.cuda.device_count():
            raise InvalidInput(
                f"got {place.rank_count} ranks, but {torch.cuda.device_count()} CUDA GPUs can be used here; expected "
                "one for each rank: say fewer --ranks",
                reason="RANKS",
            )
        torch.cuda.set_device(0 if place.is_apart else place.rank)
    return load(config)


def _join(place: RankPlace, config: EngineConfig) -> RankGroup:
    if place.is_apart and (name := interface_to(place.store_host)):
        # Otherwise gloo takes the address that this host's own name has, which may be a loopback one.
        for library in ("GLOO", "NCCL"):
            os.environ.setdefault(f"{library}_SOCKET_IFNAME", name)
    # torch's lists of names lack it.
    store = distributed.TCPStore(place.store_host, place.store_port, timeout=JOIN_LIMIT)  # type: ignore[attr-defined]
    store.set(f"loaded {place.rank}", "")
    store.wait([f"loaded {rank}" for rank in range(place.rank_count)], JOIN_LIMIT)
    distributed.init_process_group(
        "nccl" if config.device == "cuda" else "gloo",
        store=store,
        rank=place.rank,
        world_size=place.rank_count,
        timeout=EXCHANGE_LIMIT,
    )
    everyone = distributed.group.WORLD
    assert everyone is not None
    return RankGroup(everyone)


def _slice_of(command: Append) -> KvSlice:
    return KvSlice(
        unit_index=command.unit_index,
        keys_values=from_array(command.keys_values),
        text_token_count=command.text_token_count,
    )


def _answer_of(latents: Latents) -> Solved:
    audio, video = (part.float().cpu().numpy() for part in (latents.audio, latents.video))
    return Solved(audio=audio, video=video)
