"""Errors on the wire: one table from our error classes to gRPC codes, and back.

Every error travels as a google.rpc.Status with one ErrorInfo (domain "wan-streamer", a stable reason) and, where
waiting helps, a RetryInfo. `from_rpc_error` restores class, reason and waiting time, so that an error passes through
hops unchanged.
"""

from typing import Any, Final, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from wan_streamer.errors import (
    CapacityExhausted,
    ClientGone,
    Draining,
    EngineFault,
    InvalidInput,
    PeerUnavailable,
    PlacementLost,
    SessionUnknown,
    Superseded,
    WanStreamerError,
)
from wan_streamer.rpc.tls_trouble import tls_trouble

DOMAIN: Final = "wan-streamer"
# grpc-status-details-bin travels in the trailing metadata, which peers may limit to 8 KB.
MAX_MESSAGE_LENGTH: Final = 1500

_CODES: Final[dict[type[WanStreamerError], int]] = {
    InvalidInput: code_pb2.INVALID_ARGUMENT,
    ClientGone: code_pb2.DEADLINE_EXCEEDED,
    SessionUnknown: code_pb2.NOT_FOUND,
    CapacityExhausted: code_pb2.RESOURCE_EXHAUSTED,
    PlacementLost: code_pb2.FAILED_PRECONDITION,
    Superseded: code_pb2.ABORTED,
    Draining: code_pb2.UNAVAILABLE,
    PeerUnavailable: code_pb2.UNAVAILABLE,
    EngineFault: code_pb2.INTERNAL,
    WanStreamerError: code_pb2.INTERNAL,
}
_CLASSES: Final = {error_class.__name__: error_class for error_class in _CODES}
# What a status without our ErrorInfo means: it was made by gRPC itself or by a stranger.
_UNREACHABLE: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNKNOWN,
    }
)


def single_cause(error: BaseException) -> BaseException:
    """The error that an exception group (of a TaskGroup) stands for: the first of ours in it, otherwise the first."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [single_cause(member) for member in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, WanStreamerError)), causes[0])


def to_status(error: BaseException) -> status_pb2.Status:
    """Maps an error to a google.rpc.Status. What is not ours becomes INTERNAL without its message."""
    cause = single_cause(error)
    if not isinstance(cause, WanStreamerError):
        cause = WanStreamerError("internal error; the service's log has the details")
    error_class = next(base for base in type(cause).__mro__ if base in _CODES)
    assert issubclass(error_class, WanStreamerError)
    details = [
        _packed(
            error_details_pb2.ErrorInfo(
                reason=cause.reason, domain=DOMAIN, metadata={"error_class": error_class.__name__}
            )
        )
    ]
    if isinstance(cause, CapacityExhausted):
        retry_delay = duration_pb2.Duration()
        retry_delay.FromMicroseconds(round(cause.retry_after_s * 1e6))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=retry_delay)))
    return status_pb2.Status(code=_CODES[error_class], message=str(cause)[:MAX_MESSAGE_LENGTH], details=details)


async def abort(context: "grpc.aio.ServicerContext[Any, Any]", error: BaseException) -> NoReturn:
    """Ends a call with the status of `error`; raises grpc.aio.AbortError, as every abort does."""
    status = rpc_status.to_status(to_status(error))
    await context.abort(status.code, status.details, status.trailing_metadata)
    raise AssertionError("abort returned")


def from_rpc_error(error: grpc.aio.AioRpcError) -> WanStreamerError:
    """Restores the error that a peer sent; PeerUnavailable where the peer could not answer at all."""
    status = _status_of(error)
    info, retry_after_s = error_details_pb2.ErrorInfo(), None
    for detail in status.details if status else ():
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry_info = error_details_pb2.RetryInfo()
            detail.Unpack(retry_info)
            retry_after_s = retry_info.retry_delay.ToMicroseconds() / 1e6
    message = error.details() or "no message"
    if info.domain != DOMAIN:
        return _from_stranger(error.code(), message)
    error_class = _CLASSES.get(info.metadata["error_class"], WanStreamerError)
    if error_class is CapacityExhausted and retry_after_s is not None:
        return CapacityExhausted(message, reason=info.reason, retry_after_s=retry_after_s)
    return error_class(message, reason=info.reason)


def _from_stranger(code: grpc.StatusCode, message: str) -> WanStreamerError:
    if code in _UNREACHABLE:
        reason, explanation = tls_trouble(message)
        because = f": {explanation}" if explanation else ""
        return PeerUnavailable(f"the service behind cannot be reached{because} ({code.name}: {message})", reason=reason)
    return WanStreamerError(f"the service behind answered {code.name}: {message}")


def _status_of(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    try:
        status: status_pb2.Status | None = rpc_status.from_call(error)
    except ValueError:
        # Code or message disagree with the details: somebody between rewrote them, so the details say nothing.
        return None
    return status


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
