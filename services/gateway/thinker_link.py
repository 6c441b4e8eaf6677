"""The gateway's side of ThinkerService."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import grpc
from structlog.typing import FilteringBoundLogger

from services.gateway.config import GatewayConfig
from services.gateway.discovery.discovering import discovering
from services.gateway.discovery.place import Place
from services.gateway.link_pool import LinkPool
from services.gateway.placement import Standing
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
    """One thinker, at one place. All methods raise WanStreamerError as the thinker meant it."""

    def __init__(self, place: Place, channel: grpc.aio.Channel) -> None:
        self.place = place
        self._channel = channel
        self._stub = thinker_pb2_grpc.ThinkerServiceStub(channel)
        self.description: thinker_pb2.DescribeThinkerResponse | None = None
        """The last answer of `describe`."""
        self._is_answering = False
        self._reserved_since = 0
        self._conversation_count = 0
        self._is_retired = False

    @property
    def address(self) -> str:
        """Where it listens."""
        return self.place.address

    @property
    def standing(self) -> Standing:
        """How good a place it is for a new session, by its last answer."""
        described = self.description or thinker_pb2.DescribeThinkerResponse()
        return Standing(
            pod_uid=self.place.pod_uid,
            performer_group=described.performer_group,
            is_answering=self._is_answering,
            taken_count=described.session_count + self._reserved_since,
            place_count=described.max_session_count,
        )

    async def describe(self, *, waits: bool = False) -> thinker_pb2.DescribeThinkerResponse:
        """Asks what the thinker runs, kept in `description`; `waits` a while for one that does not listen yet."""
        try:
            answer = await self._stub.DescribeThinker(
                thinker_pb2.DescribeThinkerRequest(), timeout=DESCRIBE_LIMIT_S, wait_for_ready=waits
            )
        except grpc.aio.AioRpcError as error:
            self._is_answering = False
            raise from_rpc_error(error) from error
        self._is_answering = answer.pod_uid == self.place.pod_uid or not self.place.pod_uid
        if not self._is_answering:
            self.description = None
            raise PeerUnavailable(
                f"got pod {answer.pod_uid or 'without a UID'} at {self.address}, expected {self.place.pod_uid}: the "
                "address has another owner now",
                reason="PLACE_CHANGED",
            )
        self.description = answer
        self._reserved_since = 0
        return answer

    async def reserve(self, session_id: str) -> thinker_pb2.ReserveResponse:
        """Takes a slot for a session, on the process that was described and on no other."""
        try:
            reserved = await self._stub.Reserve(
                thinker_pb2.ReserveRequest(session_id=session_id), timeout=RESERVE_LIMIT_S
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        if self.description is None or self.description.incarnation != reserved.incarnation:
            # It has restarted, or was never asked who it is.
            described = await self.describe()
            if described.incarnation != reserved.incarnation:
                raise PeerUnavailable(f"the thinker at {self.address} changes; try again", reason="PLACE_CHANGED")
        self._reserved_since += 1
        return reserved

    async def close(self) -> None:
        """Closes the channel, once the conversations on it are over: their peer ends them, not we."""
        self._is_retired = True
        if not self._conversation_count:
            await self._channel.close()

    @asynccontextmanager
    async def converse(self, start: thinker_pb2.ConverseStart) -> AsyncIterator[Started]:
        """A started conversation, or one taken up again; leaving cancels the stream.

        The session is over when it was ended on the stream; otherwise the thinker keeps it for a while.

        Raises:
            PlacementLost: the thinker knows nothing (any more) of the session.
        """
        self._conversation_count += 1
        try:
            with ConverseStream(self._stub.Converse()) as stream:
                started = await _start(stream, start)
                yield Started(
                    stream=stream,
                    phase_us=started.phase_us,
                    generation=started.generation,
                    is_resumed=started.is_resumed,
                    next_unit_index=started.next_unit_index,
                )
        finally:
            self._conversation_count -= 1
            if self._is_retired:
                await self.close()


class ThinkerLinks:
    """The thinkers of this gateway: which takes a new session, which has a placed one."""

    def __init__(self, pool: LinkPool[ThinkerLink], log: FilteringBoundLogger) -> None:
        self._pool = pool
        self._log = log

    async def reserve(self, session_id: str) -> thinker_pb2.ReserveResponse:
        """A slot on the least loaded thinker that admits.

        Raises:
            CapacityExhausted: all are full; the shortest waiting time of theirs.
            PeerUnavailable: none answers, or none is known.
        """
        errors: list[WanStreamerError] = []
        for link in self._pool.by_preference():
            try:
                return await link.reserve(session_id)
            except WanStreamerError as error:
                self._log.info("thinker refused", thinker=link.address, session_id=session_id, reason=error.reason)
                errors.append(error)
        full = [error for error in errors if isinstance(error, CapacityExhausted)]
        raise min(full, key=lambda error: error.retry_after_s) if full else (errors or [_none_known()])[0]

    async def find(self, incarnation: str) -> tuple[ThinkerLink, thinker_pb2.DescribeThinkerResponse]:
        """The thinker that a placement names, and what it runs.

        Raises:
            PlacementLost: all answer, and none is this incarnation.
            PeerUnavailable: one does not answer, and it may be the one; or the thinkers that are there now may not be
                known (DISCOVERY_BEHIND).
        """
        links = list(self._pool.links)
        for link in links:
            if link.description is not None and link.description.incarnation == incarnation:
                return link, link.description
        errors: list[WanStreamerError] = []
        for link in links:
            try:
                description = await link.describe()
            except WanStreamerError as error:
                errors.append(error)
                continue
            if description.incarnation == incarnation:
                return link, description
        if not self._pool.is_current:
            raise PeerUnavailable(
                "the thinker of this session is not known here, and the cluster cannot be asked now; try again",
                reason="DISCOVERY_BEHIND",
            )
        if errors:
            raise errors[0]
        raise PlacementLost("the thinker of this session has restarted or is gone; create a new session")

    async def probe(self) -> Sequence[thinker_pb2.DescribeThinkerResponse]:
        """Describes all thinkers; the answers of those that gave one. One that was never seen may be just starting.

        Raises:
            PeerUnavailable: none answers.
        """
        links = list(self._pool.links)
        if not links:
            raise _none_known()
        answers = await asyncio.gather(
            *(link.describe(waits=link.description is None) for link in links), return_exceptions=True
        )
        described = [answer for answer in answers if isinstance(answer, thinker_pb2.DescribeThinkerResponse)]
        if not described:
            addresses = ", ".join(link.address for link in links)
            raise PeerUnavailable(f"no thinker answers at {addresses}: {answers[0]}")
        return described


@asynccontextmanager
async def open_links(config: GatewayConfig, log: FilteringBoundLogger) -> AsyncIterator[ThinkerLinks]:
    """Links to all thinkers, as they come and go; leaving closes them.

    Raises:
        InvalidInput: the configuration names no thinkers, or files that cannot be used.
    """
    tls = config.channel_tls()
    if tls is not None:
        tls.credentials()  # says at the start what is wrong with a file

    def open_link(place: Place) -> ThinkerLink:
        named = None if tls is None else replace(tls, server_name=place.server_name)
        return ThinkerLink(place, open_channel(place.address, named))

    async with AsyncExitStack() as stack:
        pool = LinkPool(open_link, random.SystemRandom().random, log)
        stack.push_async_callback(pool.close)
        await stack.enter_async_context(discovering(config, pool.update, log))
        yield ThinkerLinks(pool, log)


def _none_known() -> PeerUnavailable:
    return PeerUnavailable("no thinker is known; is one running?", reason="NO_THINKER")


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
