"""Options of channels and servers, each for a measured reason, and how a channel is opened."""

from collections.abc import Sequence
from typing import Final

import grpc

from wan_streamer.rpc.tls import ChannelTls

# One KV slice or one unit of raw frames of the largest preset fits; a 10 MB "picture" still gets our own error.
MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
KEEPALIVE_MS: Final = 10_000
PING_TIMEOUT_MS: Final = 5_000

_COMMON: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A peer that stands still buffers 4 MB of stale media by default; so it is one window of 64 KB.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 65_536),
    # A frozen peer is found in 5 s; without the ping timeout it takes over a minute.
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", PING_TIMEOUT_MS),
    ("grpc.http2.ping_timeout_ms", PING_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)
CHANNEL_OPTIONS: Final[Sequence[tuple[str, int]]] = (
    *_COMMON,
    # A connection of its own: otherwise channels of a process to one address share one, and behind a load balancer a
    # client that is told to go elsewhere would come back to the same replica for ever.
    ("grpc.use_local_subchannel_pool", 1),
    # A pod that is replaced keeps its name and gets another address; by default a name is asked for every 30 s at most.
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A service that starts or restarts is found within a quarter of a second; with 1 s it took up to 1.05 s.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 250),
    # Despite its name the time limit of one attempt to connect: a busy machine may need more than the backoff.
    ("grpc.min_reconnect_backoff_ms", 2_000),
)
SERVER_OPTIONS: Final[Sequence[tuple[str, int]]] = (
    *_COMMON,
    # Below the clients' keepalive time; min_recv_ping_interval_without_data_ms is ignored by this gRPC.
    ("grpc.http2.min_ping_interval_without_data_ms", PING_TIMEOUT_MS),
    # A port that is taken is an error, not half of somebody else's connections.
    ("grpc.so_reuseport", 0),
)


def open_channel(address: str, tls: ChannelTls | None = None) -> grpc.aio.Channel:
    """Opens a channel to `host:port`; connects on first use. Close it (or use it with `async with`).

    Args:
        address: where the server listens.
        tls: None: plaintext.

    Raises:
        InvalidInput: a file of `tls` cannot be used.
    """
    if tls is None:
        return grpc.aio.insecure_channel(address, options=list(CHANNEL_OPTIONS))
    options: list[tuple[str, int | str]] = list(CHANNEL_OPTIONS)
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return grpc.aio.secure_channel(address, tls.credentials(), options=options)
