"""TLS of servers and channels: certificates from PEM files, checked before they are used.

A server reads its files again when they change (cert-manager renews them in place, Kubernetes swaps mounted secrets):
new connections get the new certificate, open ones go on. A channel reads its files once, when it is opened.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc
from structlog.typing import FilteringBoundLogger

from wan_streamer.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A certificate and its key.

    Attributes:
        cert_file: PEM, the own certificate first, then those between it and the CA.
        key_file: PEM, not encrypted.
    """

    cert_file: Path
    key_file: Path

    def read(self) -> tuple[bytes, bytes]:
        """Key and certificates.

        Raises:
            InvalidInput: TLS_FILE, a file cannot be read; TLS_PAIR, they are no certificate and its key.
        """
        cert, key = _read(self.cert_file, "certificate"), _read(self.key_file, "key")
        try:
            # Without a password of ours it would ask on the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.cert_file, self.key_file, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            raise InvalidInput(
                f"got {self.cert_file} and {self.key_file}, expected a certificate and the key that belongs to it, "
                f"both PEM, the key not encrypted ({error})",
                reason="TLS_PAIR",
            ) from error
        return key, cert


@dataclass(frozen=True, kw_only=True)
class ServerTls:
    """How a server proves who it is.

    Attributes:
        identity: what it shows.
        client_ca_file: who calls must show a certificate of one of these CAs; None: everybody may call.
    """

    identity: Identity
    client_ca_file: Path | None = None

    def credentials(self, log: FilteringBoundLogger) -> grpc.ServerCredentials:
        """Credentials that follow the files; files that cannot be used later are logged, and the last good ones serve.

        Raises:
            InvalidInput: as `Identity.read`; TLS_CA, the CA file has no certificate.
        """
        reloader = _Reloader(self, log)
        return grpc.dynamic_ssl_server_credentials(
            reloader.first,
            reloader.changed,  # type: ignore[arg-type]  # None: as before; the stubs do not know
            require_client_authentication=self.client_ca_file is not None,
        )

    def read(self) -> grpc.ServerCertificateConfiguration:
        """What is in the files now; raises as `credentials` does."""
        ca = None if self.client_ca_file is None else _read_ca(self.client_ca_file)
        return grpc.ssl_server_certificate_configuration([self.identity.read()], ca)

    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """Changes when a file does.

        Raises:
            OSError: a file is not there.
        """
        files = [self.identity.cert_file, self.identity.key_file]
        if self.client_ca_file is not None:
            files.append(self.client_ca_file)
        stats = [file.stat() for file in files]
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


@dataclass(frozen=True, kw_only=True)
class ChannelTls:
    """Whom a channel believes, and how it proves who it is.

    Attributes:
        ca_file: CAs of the server's certificate, PEM; None: those that come with gRPC.
        identity: for servers that ask for one.
        server_name: the name that the server's certificate must have; empty: the host of the address.
    """

    ca_file: Path | None = None
    identity: Identity | None = None
    server_name: str = ""

    def credentials(self) -> grpc.ChannelCredentials:
        """Credentials from what is in the files now.

        Raises:
            InvalidInput: as `ServerTls.credentials`.
        """
        ca = None if self.ca_file is None else _read_ca(self.ca_file)
        key, cert = (None, None) if self.identity is None else self.identity.read()
        return grpc.ssl_channel_credentials(ca, key, cert)


class _Reloader:
    """`changed` is called by gRPC before each handshake, from its threads."""

    def __init__(self, tls: ServerTls, log: FilteringBoundLogger) -> None:
        self._tls = tls
        self._log = log
        tls.read()  # says what is wrong with a file that is not there
        self._stamp = tls.stamp()
        self.first = tls.read()

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """The new configuration when a file has changed, else None."""
        try:
            stamp = self._tls.stamp()
            if stamp == self._stamp:
                return None
            fresh = self._tls.read()
        except (InvalidInput, OSError) as error:
            # Half-written files are whole at one of the next handshakes.
            self._log.error("certificate not renewed", cause=str(error))
            return None
        self._stamp = stamp
        self._log.info("certificate renewed", file=str(self._tls.identity.cert_file))
        return fresh


def identity_of(cert_file: Path | None, key_file: Path | None, *, options: str) -> Identity | None:
    """The identity that two options give, None when neither is set.

    Args:
        cert_file: one option.
        key_file: the other one.
        options: their names, for the message.

    Raises:
        InvalidInput: TLS_OPTIONS, only one of them is set.
    """
    if cert_file is None and key_file is None:
        return None
    if cert_file is None or key_file is None:
        raise InvalidInput(f"got one of {options}, expected both or neither", reason="TLS_OPTIONS")
    return Identity(cert_file=cert_file, key_file=key_file)


def _read_ca(path: Path) -> bytes:
    ca = _read(path, "CA")
    try:
        ssl.create_default_context(cadata=ca.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise InvalidInput(
            f"got CA file {path}, expected one certificate in PEM or several ({error})", reason="TLS_CA"
        ) from error
    return ca


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"got {what} file {path}, which cannot be read ({error.strerror}); correct its path or its permissions",
            reason="TLS_FILE",
        ) from error
