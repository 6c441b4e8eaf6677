"""CreateSession: one session for each request id, however often the call is repeated."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from dataclasses import dataclass

from services.gateway.attachment import check_id
from services.gateway.thinker_link import ThinkerLinks
from services.gateway.tokens import Placement, TokenSigner
from wan_streamer.errors import InvalidInput
from wan_streamer.media import formats
from wan_streamer.v1 import session_pb2


@dataclass(frozen=True, kw_only=True)
class _Admitted:
    request: session_pb2.CreateSessionRequest
    answer: asyncio.Task[session_pb2.CreateSessionResponse]
    forget_unix_s: float


class Admission:
    """Takes places on the thinkers for new sessions and remembers for whom, as long as the tokens last."""

    def __init__(self, links: ThinkerLinks, signer: TokenSigner, *, remember_s: float) -> None:
        self._links = links
        self._signer = signer
        self._remember_s = remember_s
        self._admitted: dict[str, _Admitted] = {}

    async def create(self, request: session_pb2.CreateSessionRequest) -> session_pb2.CreateSessionResponse:
        """The session of a request id, new or the same as before.

        Raises:
            InvalidInput: REQUEST_ID; REQUEST_ID_REUSED, the same id with another seed.
            CapacityExhausted, PeerUnavailable: as the thinkers say; nothing is remembered then.
        """
        check_id(request.request_id, name="request_id", reason="REQUEST_ID")
        self._forget_old()
        admitted = self._admitted.get(request.request_id)
        if admitted is None:
            # A task of its own: a caller that gives up must not take the place from one that repeats the call.
            answer = asyncio.create_task(self._reserve(request), name="reserve")
            admitted = _Admitted(request=request, answer=answer, forget_unix_s=time.time() + self._remember_s)
            self._admitted[request.request_id] = admitted
        elif admitted.request != request:
            raise InvalidInput(
                f"got request_id {request.request_id!r} again with another seed; use a new one for a new session",
                reason="REQUEST_ID_REUSED",
            )
        return await asyncio.shield(admitted.answer)

    async def _reserve(self, request: session_pb2.CreateSessionRequest) -> session_pb2.CreateSessionResponse:
        session_id = str(uuid.uuid4())
        try:
            reserved = await self._links.reserve(session_id)
        except BaseException:
            del self._admitted[request.request_id]
            raise
        placement = Placement(
            session_id=session_id,
            incarnation=reserved.incarnation,
            performer_group=reserved.performer_group,
            epoch=reserved.epoch,
            seed=request.seed if request.HasField("seed") else secrets.randbits(64),
            generation=0,
        )
        token, expires_unix_s = self._signer.sign(placement)
        response = session_pb2.CreateSessionResponse(session_id=session_id, resume_token=token, limits=session_limits())
        response.expire_time.FromSeconds(expires_unix_s)
        return response

    def _forget_old(self) -> None:
        """Entries are in the order of their time, so only the first ones can be old."""
        now_unix_s = time.time()
        for request_id, admitted in list(self._admitted.items()):
            if admitted.forget_unix_s > now_unix_s:
                return
            del self._admitted[request_id]


def session_limits() -> session_pb2.SessionLimits:
    """What `wan_streamer.media` accepts."""
    limits = session_pb2.SessionLimits(
        max_frame_width=formats.MAX_FRAME_WIDTH,
        max_frame_height=formats.MAX_FRAME_HEIGHT,
        max_frame_rate_hz=formats.MAX_FRAME_RATE_HZ,
        max_frame_bytes=formats.MAX_FRAME_BYTES,
        min_audio_sample_rate_hz=formats.MIN_AUDIO_SAMPLE_RATE_HZ,
        max_audio_sample_rate_hz=formats.MAX_AUDIO_SAMPLE_RATE_HZ,
    )
    limits.max_audio_chunk_duration.FromMicroseconds(formats.MAX_AUDIO_CHUNK_US)
    limits.max_media_ahead.FromMicroseconds(formats.MAX_MEDIA_AHEAD_US)
    return limits
