"""What a service said at the end of a stream.

grpc.aio overwrites the status of a call with "Internal error from Core" when a write fails because the service has just
ended the stream. Whoever streams live always has a write under way, so the true status is kept here as it passes.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import grpc

from wan_streamer.errors import PeerUnavailable, WanStreamerError
from wan_streamer.rpc.status import from_rpc_error
from wan_streamer.v1 import session_pb2

STATUS_LIMIT_S: Final = 1.0
_FAILED_WRITE: Final = (grpc.StatusCode.INTERNAL, "Internal error from Core")

Call = grpc.aio.StreamStreamCall[session_pb2.ConnectRequest, session_pb2.ConnectResponse]
T = TypeVar("T")


class CallStatus:
    """The status of one call; make it when the call is made."""

    def __init__(self, call: "Call") -> None:
        self._rpc_error: grpc.aio.AioRpcError | None = None
        self._is_known = asyncio.Event()
        call.add_done_callback(self._note)

    async def error(self) -> WanStreamerError | None:
        """The error with which the service ended the call; None when it ended well. Waits for it, not for long."""
        try:
            async with asyncio.timeout(STATUS_LIMIT_S):
                await self._is_known.wait()
        except TimeoutError:
            return PeerUnavailable("the stream broke off and the service did not say why; see the log of the gateway")
        return None if self._rpc_error is None else from_rpc_error(self._rpc_error)

    def _note(self, call: "Call") -> None:
        code, details = _result(call.code()), _result(call.details())
        if (code, details) == _FAILED_WRITE:
            return
        if code is not grpc.StatusCode.OK:
            trailing = _result(call.trailing_metadata()) or grpc.aio.Metadata()
            self._rpc_error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details=details)
        self._is_known.set()


def _result(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that need not wait: in a done callback the status is there."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    raise AssertionError("the call was not done")
