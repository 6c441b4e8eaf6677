"""Structured logs: one line an event, from our code and from the libraries below it alike."""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from wan_streamer.errors import InvalidInput

_LEVELS = ("debug", "info", "warning", "error")


def configure_logs(
    service: str, level: str = "info", json: bool = True, *, stream: TextIO | None = None
) -> FilteringBoundLogger:
    """Sets up the logs of this process, those of the standard library (gRPC, OpenTelemetry) included; call it once.

    Every line has timestamp (ISO 8601, UTC), level, service and event. Bind the rest where it is known:
    `log = configure_logs("gateway").bind(session_id=...)`, `log.info("unit late", unit_index=7)`.

    Args:
        level: debug, info, warning or error.
        json: one JSON object a line; otherwise text for people.
        stream: standard error when not given, so that standard output stays free for results.

    Raises:
        InvalidInput: the level is not known.
    """
    if level not in _LEVELS:
        raise InvalidInput(f"got log level {level!r}, expected one of: {', '.join(_LEVELS)}", reason="LOG_LEVEL")
    stream = stream or sys.stderr

    def add_service(logger: object, method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(json, stream)],
        )
    )
    # force: a second call (tests, a restart in one process) replaces the handler instead of doubling every line.
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    log: FilteringBoundLogger = structlog.get_logger("wan_streamer")
    return log


def _renderers(json: bool, stream: TextIO) -> list[Processor]:
    if json:
        # Without the local variables: they hold media, tokens and whole tensors.
        tracebacks = structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        )
        return [tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)]
