"""Configuration of the thinker service."""

from dataclasses import dataclass

from wan_streamer.engine.config import EngineConfig
from wan_streamer.rpc.config import PeerConfig, ServerConfig


@dataclass(frozen=True, kw_only=True)
class ThinkerConfig(ServerConfig, PeerConfig, EngineConfig):
    """The thinker: hears, sees, writes the agent's words and turns latents into sound and pictures."""

    performer: str = "127.0.0.1:50053"
    """Address host:port of the performer group."""
    reservation_seconds: float = 30.0
    """How long a place is kept for a session that does not begin."""
    pod_uid: str = ""
    """UID of the pod that this runs in, so that gateways know whom they reached; empty outside of a cluster."""
    detached_grace_s: float = 30.0
    """How long a session waits for its client when the stream broke; it has its place until then."""
