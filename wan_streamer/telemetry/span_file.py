"""Spans as JSON lines: what the suite writes when there is no collector."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class SpanFileExporter(SpanExporter):
    """Appends each batch of spans to one file, one JSON object a line, whole lines only.

    Keys of a line: trace_id, span_id, parent_span_id (null for a root), name, service, start_unix_ns, end_unix_ns,
    attributes, links ([{trace_id, span_id}]). A batch goes to the kernel in one piece, so that a process that is killed
    leaves at most its last line cut.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b", buffering=0)
        self._end_cut_line()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Writes the spans; FAILURE when the file is closed."""
        if self._file.closed:
            return SpanExportResult.FAILURE
        lines = [json.dumps(_to_line(span), separators=(",", ":"), ensure_ascii=False) for span in spans]
        self._write("".join(line + "\n" for line in lines).encode())
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Closes the file. Everything exported is in it already."""
        self._file.close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """True: nothing is kept back."""
        return True

    def _end_cut_line(self) -> None:
        # Process ids come back (in a container it is always 1): a killed predecessor may have left half a line.
        if self._file.seek(0, os.SEEK_END) == 0:
            return
        self._file.seek(-1, os.SEEK_END)
        if self._file.read(1) != b"\n":
            self._write(b"\n")

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]


def _to_line(span: ReadableSpan) -> dict[str, Any]:
    context = span.get_span_context()
    assert context is not None
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_span_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "name": span.name,
        "service": span.resource.attributes[SERVICE_NAME],
        "start_unix_ns": span.start_time,
        "end_unix_ns": span.end_time,
        "attributes": dict(span.attributes or {}),
        "links": [
            {"trace_id": f"{link.context.trace_id:032x}", "span_id": f"{link.context.span_id:016x}"}
            for link in span.links
        ],
    }
