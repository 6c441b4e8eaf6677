"""The gateway's side of ThinkerService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import grpc
from structlog.typing import FilteringBoundLogger

from wan_streamer.errors import CapacityExhausted, PeerUnavailable, PlacementLost, SessionUnknown, WanStreamerError
from wan_streamer.rpc.channel import open_channel
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.rpc.stream import ClientStream
from wan_streamer.v1 import thinker_pb2, thinker_pb2_grpc

DESCRIBE_LIMIT_S: Final = 0.8
RESERVE_LIMIT_S: Final = 5.0
START_LIMIT_S: Final = 10.0

ConverseStream: TypeAlias = ClientStream[thinker_pb2.ConverseRequest, thinker_pb2.ConverseResponse]


@dataclass(frozen=True, kw_only=True)
class Started:
    """An open conversation.

    Attributes:
        phase_us: when its units should come, as wall time modulo a unit.
        generation: of this stream.
        is_resumed: the session was there already.
        next_unit_index: the first unit that the thinker has not taken.
    """

    stream: ConverseStream
    phase_us: int
    generation: int
    is_resumed: bool
    next_unit_index: int


class ThinkerLink:
    """One thinker, by address. All methods raise WanStreamerError as the thinker meant it."""

    def __init__(self, address: str, channel: grpc.aio.Channel) -> None:
        self.address = address
        self._stub = thinker_pb2_grpc.ThinkerServiceStub(channel)
        self.description: thinker_pb2.DescribeThinkerResponse | None = None
        """The last answer of `describe`."""

    async def describe(self, *, waits: bool = False) -> thinker_pb2.DescribeThinkerResponse:
        """Asks what the thinker runs, kept in `description`; `waits` a while for one that does not listen yet."""
        try:
            self.description = await self._stub.DescribeThinker(
                thinker_pb2.DescribeThinkerRequest(), timeout=DESCRIBE_LIMIT_S, wait_for_ready=waits
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        return self.description

    async def reserve(self, session_id: str) -> thinker_pb2.ReserveResponse:
        """Takes a slot for a session."""
        try:
            return await self._stub.Reserve(thinker_pb2.ReserveRequest(session_id=session_id), timeout=RESERVE_LIMIT_S)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    @asynccontextmanager
    async def converse(self, start: thinker_pb2.ConverseStart) -> AsyncIterator[Started]:
        """A started conversation, or one taken up again; leaving cancels the stream.

        The session is over when it was ended on the stream; otherwise the thinker keeps it for a while.

        Raises:
            PlacementLost: the thinker knows nothing (any more) of the session.
        """
        with ConverseStream(self._stub.Converse()) as stream:
            started = await _start(stream, start)
            yield Started(
                stream=stream,
                phase_us=started.phase_us,
                generation=started.generation,
                is_resumed=started.is_resumed,
                next_unit_index=started.next_unit_index,
            )


class ThinkerLinks:
    """The thinkers of this gateway: which takes a new session, which has a placed one."""

    def __init__(self, links: Sequence[ThinkerLink], log: FilteringBoundLogger) -> None:
        self._links = links
        self._log = log

    async def reserve(self, session_id: str) -> thinker_pb2.ReserveResponse:
        """A slot on the first thinker that has one.

        Raises:
            CapacityExhausted: all are full; the shortest waiting time of theirs.
            PeerUnavailable: none answers.
        """
        errors: list[WanStreamerError] = []
        for link in self._links:
            try:
                return await link.reserve(session_id)
            except WanStreamerError as error:
                self._log.info("thinker refused", thinker=link.address, session_id=session_id, reason=error.reason)
                errors.append(error)
        full = [error for error in errors if isinstance(error, CapacityExhausted)]
        raise min(full, key=lambda error: error.retry_after_s) if full else errors[0]

    async def find(self, incarnation: str) -> tuple[ThinkerLink, thinker_pb2.DescribeThinkerResponse]:
        """The thinker that a placement names, and what it runs.

        Raises:
            PlacementLost: all answer, and none is this incarnation.
            PeerUnavailable: one does not answer; it may be the one.
        """
        for link in self._links:
            if link.description is not None and link.description.incarnation == incarnation:
                return link, link.description
        errors: list[WanStreamerError] = []
        for link in self._links:
            try:
                description = await link.describe()
            except WanStreamerError as error:
                errors.append(error)
                continue
            if description.incarnation == incarnation:
                return link, description
        if errors:
            raise errors[0]
        raise PlacementLost("the thinker of this session has restarted or is gone; create a new session")

    async def probe(self) -> Sequence[thinker_pb2.DescribeThinkerResponse]:
        """Describes all thinkers; the answers of those that gave one. One that was never seen may be just starting.

        Raises:
            PeerUnavailable: none answers.
        """
        answers = await asyncio.gather(
            *(link.describe(waits=link.description is None) for link in self._links), return_exceptions=True
        )
        described = [answer for answer in answers if isinstance(answer, thinker_pb2.DescribeThinkerResponse)]
        if not described:
            addresses = ", ".join(link.address for link in self._links)
            raise PeerUnavailable(f"no thinker answers at {addresses}: {answers[0]}")
        return described


@asynccontextmanager
async def open_links(addresses: Sequence[str], log: FilteringBoundLogger) -> AsyncIterator[ThinkerLinks]:
    """Links to all thinkers; leaving closes their channels."""
    channels = [open_channel(address) for address in addresses]
    try:
        yield ThinkerLinks([ThinkerLink(*pair) for pair in zip(addresses, channels, strict=True)], log)
    finally:
        await asyncio.gather(*(channel.close() for channel in channels))


async def _start(stream: ConverseStream, start: thinker_pb2.ConverseStart) -> thinker_pb2.ConverseStarted:
    """Starts the conversation."""
    try:
        async with asyncio.timeout(START_LIMIT_S):
            await stream.write(thinker_pb2.ConverseRequest(start=start))
            response = await stream.read()
    except TimeoutError as error:
        raise PeerUnavailable(
            f"the thinker did not start the session within {START_LIMIT_S:g} s; try again", reason="THINKER_STALLED"
        ) from error
    except SessionUnknown as error:
        raise PlacementLost(
            "the thinker has no place reserved for this session any more: its state is gone; create a new session"
        ) from error
    if response is None or response.WhichOneof("message") != "started":
        raise PeerUnavailable("the thinker ended the session before it started; create a new session")
    return response.started
