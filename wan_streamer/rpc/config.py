"""What every service is configured with."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from wan_streamer.errors import InvalidInput
from wan_streamer.rpc.tls import ChannelTls, ServerTls, identity_of


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
    tls_cert_file: Path | None = None
    """Certificate (PEM, with those between it and the CA) that the service shows; plaintext when absent."""
    tls_key_file: Path | None = None
    """Its key (PEM). Both files are read again when they change."""
    tls_client_ca_file: Path | None = None
    """CAs (PEM): who calls must show a certificate of one of them. Everybody may call when absent."""
    health_port: int = 0
    """Port for health alone, always plaintext, for those who cannot ask with TLS (kubelets); 0 is off."""
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

    def server_tls(self) -> ServerTls | None:
        """How the service proves who it is; None: plaintext.

        Raises:
            InvalidInput: TLS_OPTIONS, some of the options only.
        """
        identity = identity_of(self.tls_cert_file, self.tls_key_file, options="--tls-cert-file and --tls-key-file")
        if identity is not None:
            return ServerTls(identity=identity, client_ca_file=self.tls_client_ca_file)
        if self.tls_client_ca_file is not None:
            raise InvalidInput(
                "got --tls-client-ca-file without --tls-cert-file and --tls-key-file, expected all three: only a "
                "service with TLS can ask for certificates",
                reason="TLS_OPTIONS",
            )
        return None


@dataclass(frozen=True, kw_only=True)
class PeerConfig:
    """How a service reaches those it calls. The configurations of services that call others extend it."""

    tls_ca_file: Path | None = None
    """CAs (PEM) of the services behind this one, which are then called with TLS; plaintext when absent."""
    tls_peer_cert_file: Path | None = None
    """Certificate (PEM) to show to services behind this one that ask for it."""
    tls_peer_key_file: Path | None = None
    """Its key (PEM)."""

    def channel_tls(self) -> ChannelTls | None:
        """How channels to peers are secured; None: plaintext.

        Raises:
            InvalidInput: TLS_OPTIONS, some of the options only.
        """
        options = "--tls-peer-cert-file and --tls-peer-key-file"
        identity = identity_of(self.tls_peer_cert_file, self.tls_peer_key_file, options=options)
        if identity is not None and self.tls_ca_file is None:
            raise InvalidInput(f"got {options} without --tls-ca-file, expected all three", reason="TLS_OPTIONS")
        return None if self.tls_ca_file is None else ChannelTls(ca_file=self.tls_ca_file, identity=identity)
