"""W3C Trace Context (https://www.w3.org/TR/trace-context/): the text form of a span's context."""

import re

from opentelemetry.trace import SpanContext, TraceFlags

# Version ff is forbidden; later versions than 00 may carry more fields after the flags.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def format_traceparent(context: SpanContext) -> str:
    """`00-<trace id>-<span id>-<flags>`."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def parse_traceparent(text: str) -> SpanContext | None:
    """The context that `text` names, marked as remote; None when it is empty or not a valid traceparent.

    The standard asks to start a new trace, not to fail, when the text is not valid.
    """
    match = _TRACEPARENT.fullmatch(text)
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "00" and more:
        return None
    context = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return context if context.is_valid else None
