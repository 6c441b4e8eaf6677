"""Logs: one line an event."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from wan_streamer.errors import InvalidInput
from wan_streamer.telemetry.logs import configure_logs


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_our_lines_have_service_time_level_and_what_is_bound() -> None:
    """A JSON line carries the ISO time in UTC, level, service, event, the bound session and the unit."""
    stream = io.StringIO()
    log = configure_logs("gateway", "info", json=True, stream=stream).bind(session_id="s1")
    log.info("unit late", unit_index=7)
    line = json.loads(stream.getvalue())
    at = datetime.fromisoformat(line.pop("timestamp"))
    assert at.utcoffset() == UTC.utcoffset(None)
    assert line == {"event": "unit late", "level": "info", "service": "gateway", "session_id": "s1", "unit_index": 7}


def test_libraries_come_out_the_same_way() -> None:
    """A warning of a library through the standard logging is a line of the same form, with the library's name."""
    stream = io.StringIO()
    configure_logs("thinker", "info", json=True, stream=stream)
    logging.getLogger("grpc._server").warning("got %s", "odd bytes")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["service"]) == ("got odd bytes", "warning", "thinker")
    assert line["logger"] == "grpc._server"


def test_the_level_filters_both_kinds() -> None:
    """Below the level nothing is written, from us or from a library."""
    stream = io.StringIO()
    log = configure_logs("thinker", "warning", json=True, stream=stream)
    log.info("no")
    logging.getLogger("grpc").info("no")
    log.error("yes")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["yes"]
    with pytest.raises(InvalidInput, match="expected one of: debug"):
        configure_logs("thinker", "loud")


def test_an_error_is_one_line_without_local_variables() -> None:
    """A traceback stays on its line and never shows the values of variables, which hold media and tokens."""
    stream = io.StringIO()
    log = configure_logs("performer", json=True, stream=stream)
    secret_media = "abc" + "def"
    try:
        _ = len(secret_media) / 0
    except ZeroDivisionError:
        log.exception("unit failed")
        logging.getLogger("grpc").exception("callback failed")
    ours, theirs = (json.loads(line) for line in stream.getvalue().splitlines())
    assert ours["exception"][0]["exc_type"] == theirs["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "abcdef" not in stream.getvalue()


def test_console_lines_are_for_people() -> None:
    """Without JSON the line is text with the event and its values, and a second set-up does not double it."""
    stream = io.StringIO()
    configure_logs("gateway", json=False, stream=io.StringIO())
    configure_logs("gateway", json=False, stream=stream).info("ready", port=50051)
    assert stream.getvalue().count("\n") == 1
    assert "ready" in stream.getvalue()
    assert "port=50051" in stream.getvalue()
