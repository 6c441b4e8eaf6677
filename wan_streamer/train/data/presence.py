"""Who is there when."""

from collections.abc import Mapping
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import Visitor, VisitorAction
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.timeline import Span

FOREVER_US: Final = 1 << 62


def presence(script: Script, spans: Mapping[str, Span]) -> dict[str, tuple[Span, ...]]:
    """For each visitor, when they are there: from the begin of arriving to the end of leaving.

    Raises:
        InvalidInput: somebody arrives who is there, leaves who is away, or comes back who has not been there.
    """
    actions = [event for event in script.events if isinstance(event, VisitorAction)]
    actions.sort(key=lambda event: spans[event.id].begin_us)
    return {
        visitor.id: _presence_of(visitor, [event for event in actions if event.visitor == visitor.id], spans)
        for visitor in script.visitors
    }


def is_inside(span: Span, there: tuple[Span, ...]) -> bool:
    """Whether all of the span lies in one of the stays."""
    return any(stay.begin_us <= span.begin_us and span.end_us <= stay.end_us for stay in there)


def _presence_of(visitor: Visitor, actions: list[VisitorAction], spans: Mapping[str, Span]) -> tuple[Span, ...]:
    stays: list[Span] = []
    since_us: int | None = 0 if visitor.is_there_at_start else None
    was_there = visitor.is_there_at_start
    for event in actions:
        span = spans[event.id]
        if event.action in ("arrive", "come_back"):
            if since_us is not None:
                raise _wrong(event, "is there already", "somebody who is away; let them leave first")
            if (event.action == "come_back") != was_there:
                expected = "'arrive' for the first time and 'come_back' later"
                raise _wrong(event, "has been there before" if was_there else "has not been there before", expected)
            since_us, was_there = span.begin_us, True
        elif event.action == "leave":
            if since_us is None:
                raise _wrong(event, "is away", "somebody who is there")
            stays.append(Span(begin_us=since_us, end_us=span.end_us))
            since_us = None
    if since_us is not None:
        stays.append(Span(begin_us=since_us, end_us=FOREVER_US))
    return tuple(stays)


def _wrong(event: VisitorAction, found: str, expected: str) -> InvalidInput:
    return InvalidInput(
        f"got {event.id!r} ({event.action}) of visitor {event.visitor!r}, who {found}; expected {expected}",
        reason="SCRIPT",
    )
