"""SessionService: what clients call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import grpc

from services.gateway.admission import Admission
from services.gateway.attached_sessions import AttachedSessions
from services.gateway.attachment import Attachment, read_attach
from services.gateway.clock import unix_us, until_phase_us
from services.gateway.config import GatewayConfig
from services.gateway.outbox import Outbox
from services.gateway.request_count import RequestCount
from services.gateway.resumption import Resumption
from services.gateway.service_levels import ServiceLevels
from services.gateway.session import Session, SessionPlace, make_cutter
from services.gateway.thinker_link import ThinkerLinks, open_links
from services.gateway.tokens import Placement, TokenSigner, read_key
from services.gateway.unit_maker import UnitMaker
from services.gateway.warm_up import warm_up
from wan_streamer.errors import ClientGone, Draining, InvalidInput
from wan_streamer.media.cutter import UnitCutter
from wan_streamer.rpc.server import ServiceContext
from wan_streamer.rpc.status import single_cause
from wan_streamer.v1 import session_pb2, session_pb2_grpc, thinker_pb2

FULL_NAME: Final = session_pb2.DESCRIPTOR.services_by_name["SessionService"].full_name


class GatewayService(session_pb2_grpc.SessionServiceServicer):
    """One gateway process: admission, attachments, drain."""

    full_names = (FULL_NAME,)

    def __init__(self, config: GatewayConfig, context: ServiceContext, links: ThinkerLinks) -> None:
        self._config = config
        self._context = context
        self._links = links
        self._signer = TokenSigner(read_key(config.token_key_file), config.token_seconds)
        self._admission = Admission(links, self._signer, remember_s=config.token_seconds)
        self._sessions = AttachedSessions(context.metrics.sessions)
        self._is_draining = False

    def register(self, server: grpc.aio.Server) -> None:
        """Adds SessionService to a server."""
        session_pb2_grpc.add_SessionServiceServicer_to_server(self, server)

    async def probe_engine(self) -> None:
        """It has no engine: whoever answers is alive."""

    async def probe(self) -> None:
        """Raises unless a thinker answers."""
        described = await self._links.probe()
        self._context.metrics.session_capacity.set(sum(thinker.max_session_count for thinker in described))

    async def drain(self, time_left_s: float) -> None:
        """Takes no new session, says GoAway, waits for the live ones."""
        self._is_draining = True
        await self._sessions.drain(time_left_s)

    async def CreateSession(
        self, request: session_pb2.CreateSessionRequest, context: Any
    ) -> session_pb2.CreateSessionResponse:
        """See session.proto."""
        with RequestCount(self._context.metrics, "create"):
            self._refuse_when_draining()
            return await self._admission.create(request)

    # The stubs know only generators; a coroutine that writes to the context can hold a TaskGroup.
    async def Connect(  # type: ignore[override]
        self, request_iterator: AsyncIterator[session_pb2.ConnectRequest], context: Any
    ) -> None:
        """See session.proto."""
        with RequestCount(self._context.metrics, "attach") as count:
            await self._connect(request_iterator, context, count)

    async def _connect(
        self, request_iterator: AsyncIterator[session_pb2.ConnectRequest], context: Any, count: RequestCount
    ) -> None:
        self._refuse_when_draining()
        attachment = read_attach(await self._first_message(request_iterator))
        placement = self._signer.verify(attachment.resume_token, session_id=attachment.session_id)
        link, description = await self._links.find(placement.incarnation)
        # Whoever gets here has the right to the session: now, and not before, an older attachment must go.
        if placement.generation > 0:
            count.request = "resume"
        async with self._sessions.seat(attachment.session_id) as seat:
            cutter = await asyncio.to_thread(make_cutter, attachment, description.model)
            traceparent = self._context.tracing.session_traceparent(attachment.session_id)
            async with link.converse(_start_of(placement, attachment, traceparent)) as started:
                if started.is_resumed:
                    count.request = "resume"
                placement = replace(placement, generation=started.generation)
                resumption = Resumption.of(started, attachment.last_received_unit_index)
                place = SessionPlace(started=started, model=description.model, resumption=resumption)
                outbox = Outbox(context.write)
                seat.session = self._make_session(
                    attachment, placement, place, cutter, outbox, traceparent, seat.replaced
                )
                await outbox.send(session_pb2.ConnectResponse(attached=self._attached(placement, place)))
                count.succeeded()
                await self._run(seat.session, request_iterator, attachment, started.generation)

    async def _run(
        self,
        session: Session,
        requests: AsyncIterator[session_pb2.ConnectRequest],
        attachment: Attachment,
        generation: int,
    ) -> None:
        log = self._context.log.bind(session_id=attachment.session_id, generation=generation)
        log.info("session attached", pace="live" if attachment.is_live else "media", credit=attachment.credit_units)
        outcome = "ENDED"
        try:
            await session.run(requests)
        except asyncio.CancelledError:
            outcome = "CLIENT_LEFT"
            raise
        except ExceptionGroup as group:
            cause = single_cause(group)
            outcome = getattr(cause, "reason", "INTERNAL")
            raise
        finally:
            session.close()
            self._context.metrics.count_session_end(outcome)
            log.info("session ended", outcome=outcome, emitted_unit_count=session.emitted_unit_count)

    def _make_session(
        self,
        attachment: Attachment,
        placement: Placement,
        place: SessionPlace,
        cutter: UnitCutter,
        outbox: Outbox,
        traceparent: str,
        replaced: asyncio.Event,
    ) -> Session:
        return Session(
            attachment=attachment,
            config=self._config,
            place=place,
            cutter=cutter,
            make_unit=UnitMaker(
                session_id=placement.session_id,
                generation=placement.generation,
                performer_group=placement.performer_group,
                epoch=placement.epoch,
                session_traceparent=traceparent,
                deadline_us=round(self._config.deadline_ms * 1e3),
                recorder=self._context.recorder,
            ),
            levels=ServiceLevels(self._context.metrics, placement.performer_group),
            outbox=outbox,
            replaced=replaced,
            log=self._context.log.bind(session_id=placement.session_id, generation=placement.generation),
        )

    def _attached(self, placement: Placement, place: SessionPlace) -> session_pb2.Attached:
        media = session_pb2.AgentMedia(
            audio_sample_rate_hz=place.model.agent_audio_sample_rate_hz,
            video_width=place.model.agent_video_width,
            video_height=place.model.agent_video_height,
        )
        media.deadline_after_capture.FromMicroseconds(round(self._config.deadline_ms * 1e3))
        attached = session_pb2.Attached(
            outcome=session_pb2.ATTACH_OUTCOME_FULL if place.started.is_resumed else session_pb2.ATTACH_OUTCOME_NEW,
            generation=placement.generation,
            epoch=placement.epoch,
            first_unit_index=place.resumption.first_unit_index,
            agent_media=media,
            resume_token=self._signer.sign(placement)[0],
            model_description=place.model.text,
        )
        attached.capture_delay.FromMicroseconds(until_phase_us(place.started.phase_us, unix_us()))
        return attached

    async def _first_message(self, requests: AsyncIterator[session_pb2.ConnectRequest]) -> session_pb2.ConnectRequest:
        try:
            async with asyncio.timeout(self._config.idle_seconds):
                return await anext(requests)
        except TimeoutError as error:
            raise ClientGone(
                f"got no message for {self._config.idle_seconds:g} s, expected attach", reason="CLIENT_IDLE"
            ) from error
        except StopAsyncIteration as error:
            raise InvalidInput("got the end of the stream, expected attach", reason="ATTACH_FIRST") from error

    def _refuse_when_draining(self) -> None:
        if self._is_draining:
            raise Draining("this gateway is going away and takes no new sessions; try again, another one will answer")


@asynccontextmanager
async def build_gateway(config: GatewayConfig, context: ServiceContext) -> AsyncIterator[GatewayService]:
    """The service with open links to its thinkers, warmed up."""
    async with open_links(config, context.log) as links:
        service = GatewayService(config, context, links)
        await asyncio.to_thread(warm_up, config.jpeg_quality)
        yield service


def _start_of(placement: Placement, attachment: Attachment, traceparent: str) -> thinker_pb2.ConverseStart:
    return thinker_pb2.ConverseStart(
        session_id=placement.session_id,
        generation=placement.generation + 1,
        incarnation=placement.incarnation,
        epoch=placement.epoch,
        seed=placement.seed,
        traceparent=traceparent,
        last_received_unit_index=attachment.last_received_unit_index,
    )
