"""The real thinker and performer services in this process, on free loopback ports, with the tiny model."""

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.gateway.config import GatewayConfig
from services.gateway.service import build_gateway
from services.performer.config import PerformerConfig
from services.performer.rank_process import Load
from services.performer.service import build_performer
from services.thinker.config import ThinkerConfig
from services.thinker.service import build_thinker
from tests.support.tiny import tiny_config
from wan_streamer.engine.config import EngineConfig
from wan_streamer.engine.exchange import UserInput
from wan_streamer.model.presets import untrained
from wan_streamer.model.wan_streamer import WanStreamer
from wan_streamer.rpc.server import RunningServer, running_service, started
from wan_streamer.rpc.tensors import to_proto
from wan_streamer.v1 import performer_pb2, thinker_pb2, unit_pb2


@dataclass(frozen=True)
class TinySuite:
    """Addresses of the running services."""

    thinker: str
    performer: str


def tiny_model(_config: EngineConfig, *, lag: int = 0) -> WanStreamer:
    """Each service loads its own copy, as in separate processes."""
    return untrained(tiny_config(lag=lag), 0)


@asynccontextmanager
async def tiny_performer(
    *,
    lag: int = 0,
    max_sessions: int = 4,
    otlp_endpoint: str | None = None,
    ranks: int = 1,
    port: int = 0,
    load: Load | None = None,
) -> AsyncIterator[str]:
    """The performer service alone."""
    config = PerformerConfig(
        max_sessions=max_sessions, log_level="warning", otlp_endpoint=otlp_endpoint, ranks=ranks, port=port
    )
    build = functools.partial(build_performer, config, load=load or functools.partial(tiny_model, lag=lag))
    async with running_service("performer", config, build) as address:
        yield address


@asynccontextmanager
async def tiny_thinker(
    performer: str,
    *,
    lag: int = 0,
    max_sessions: int = 4,
    otlp_endpoint: str | None = None,
    detached_grace_s: float = 30.0,
    load: Callable[[EngineConfig], WanStreamer] | None = None,
) -> AsyncIterator[str]:
    """The thinker service, with a performer somewhere."""
    config = ThinkerConfig(
        performer=performer,
        max_sessions=max_sessions,
        log_level="warning",
        otlp_endpoint=otlp_endpoint,
        detached_grace_s=detached_grace_s,
    )
    build = functools.partial(build_thinker, config, load=load or functools.partial(tiny_model, lag=lag))
    async with running_service("thinker", config, build) as address:
        yield address


@asynccontextmanager
async def tiny_server(performer: str) -> AsyncIterator[RunningServer]:
    """A thinker that can be told to drain."""
    config = ThinkerConfig(performer=performer, max_sessions=4, log_level="warning")
    build = functools.partial(build_thinker, config, load=tiny_model)
    async with started("thinker", config, build) as server:
        yield server


@asynccontextmanager
async def tiny_suite(
    *, lag: int = 0, max_sessions: int = 4, otlp_endpoint: str | None = None, detached_grace_s: float = 30.0
) -> AsyncIterator[TinySuite]:
    """Performer and thinker."""
    async with (
        tiny_performer(lag=lag, max_sessions=max_sessions, otlp_endpoint=otlp_endpoint) as performer,
        tiny_thinker(
            performer,
            lag=lag,
            max_sessions=max_sessions,
            otlp_endpoint=otlp_endpoint,
            detached_grace_s=detached_grace_s,
        ) as thinker,
    ):
        yield TinySuite(thinker, performer)


def header(session_id: str, unit_index: int, epoch: int, generation: int = 1) -> unit_pb2.UnitHeader:
    """A unit's header without times and trace."""
    return unit_pb2.UnitHeader(session_id=session_id, generation=generation, epoch=epoch, unit_index=unit_index)


def user_message(user: UserInput, unit_header: unit_pb2.UnitHeader) -> thinker_pb2.ConverseRequest:
    """A user unit as the gateway sends it."""
    return thinker_pb2.ConverseRequest(
        unit=unit_pb2.UserUnit(header=unit_header, audio=to_proto(user.audio), video=to_proto(user.video))
    )


def perform_start(
    session_id: str, group: performer_pb2.DescribePerformerResponse, **changes: object
) -> performer_pb2.PerformRequest:
    """The first message to a performer."""
    start = performer_pb2.PerformStart(
        session_id=session_id, generation=1, epoch=group.epoch, seed=7, model_fingerprint=group.model_fingerprint
    )
    for name, value in changes.items():
        setattr(start, name, value)
    return performer_pb2.PerformRequest(start=start)


@asynccontextmanager
async def tiny_gateway(*thinkers: str, otlp_endpoint: str | None = None) -> AsyncIterator[str]:
    """A gateway in front of thinkers."""
    config = GatewayConfig(thinker=thinkers, log_level="warning", otlp_endpoint=otlp_endpoint)
    async with running_service("gateway", config, functools.partial(build_gateway, config)) as address:
        yield address
