"""Errors that a handler raises become statuses: services just raise."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from inspect import isasyncgenfunction
from typing import Any, TypeAlias

import grpc
from structlog.typing import FilteringBoundLogger

from wan_streamer.errors import WanStreamerError
from wan_streamer.rpc.status import abort, single_cause

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Maps what handlers raise with `wan_streamer.rpc.status`; what is not ours is logged with its traceback."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        if handler is None:  # an unknown method: gRPC answers UNIMPLEMENTED
            return handler
        for kind, make_handler in _MAKERS.items():
            behavior = getattr(handler, kind)
            if behavior is not None:
                return make_handler(
                    self._guarded(behavior, handler_call_details.method),
                    request_deserializer=handler.request_deserializer,
                    response_serializer=handler.response_serializer,
                )
        raise AssertionError("a handler has one behaviour")

    def _guarded(self, behavior: Callable[..., Any], method: str) -> Callable[..., Any]:
        if isasyncgenfunction(behavior):

            @functools.wraps(behavior)
            async def guarded_stream(request: Any, context: Any) -> AsyncIterator[Any]:
                try:
                    async with aclosing(behavior(request, context)) as responses:
                        async for response in responses:
                            yield response
                except Exception as error:
                    await self._refuse(context, method, error)

            return guarded_stream

        @functools.wraps(behavior)
        async def guarded_call(request: Any, context: Any) -> Any:
            try:
                return await behavior(request, context)
            except Exception as error:
                await self._refuse(context, method, error)

        return guarded_call

    async def _refuse(self, context: Any, method: str, error: Exception) -> None:
        cause = single_cause(error)
        if isinstance(cause, grpc.aio.AbortError):
            raise cause
        if isinstance(cause, WanStreamerError):
            self._log.info("call refused", method=method, reason=cause.reason, error=str(cause))
        else:
            self._log.error("call failed", method=method, exc_info=error)
        await abort(context, error)


_MAKERS: dict[str, Callable[..., Handler]] = {
    "unary_unary": grpc.unary_unary_rpc_method_handler,
    "unary_stream": grpc.unary_stream_rpc_method_handler,
    "stream_unary": grpc.stream_unary_rpc_method_handler,
    "stream_stream": grpc.stream_stream_rpc_method_handler,
}
