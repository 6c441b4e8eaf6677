"""What every service is configured with."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


def otlp_endpoint_from_environment() -> str | None:
    """The OpenTelemetry standard's own variable; the only one that the services read."""
    return os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """How a service listens, reports and ends. The services' own configurations extend it."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 0
    """gRPC port; 0 takes a free one and names it in the ready line."""
    metrics_port: int = 0
    """Port of the Prometheus metrics; 0 is off."""
    drain_seconds: float = 20.0
    """How long live sessions may go on after SIGTERM or Ctrl-C; a second signal ends at once."""
    trace_dir: Path | None = None
    """Directory for a JSON-lines file of spans; none when absent."""
    otlp_endpoint: str | None = field(default_factory=otlp_endpoint_from_environment)
    """OTLP gRPC endpoint of a collector, by default from OTEL_EXPORTER_OTLP_ENDPOINT; none when absent."""
    trace_sampling: Literal["all", "late"] = "all"
    """Which units are traced: every one, or the late ones with their neighbours and a sample."""
    log_level: str = "info"
    """debug, info, warning or error."""
    log_json: bool = False
    """One JSON object a line instead of lines for people."""
