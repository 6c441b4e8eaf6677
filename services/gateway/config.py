"""What the gateway is configured with."""

from dataclasses import dataclass
from pathlib import Path

from services.gateway.discovery.config import DiscoveryConfig
from wan_streamer.rpc.config import PeerConfig, ServerConfig


@dataclass(frozen=True, kw_only=True)
class GatewayConfig(ServerConfig, PeerConfig, DiscoveryConfig):
    """Configuration of one gateway process."""

    token_key_file: Path | None = None
    """File with the key of the resume tokens (32 bytes or more), the same for all gateways; absent: a key is drawn."""
    token_seconds: float = 3600.0
    """Lifetime of a resume token."""
    deadline_ms: float = 200.0
    """From the end of a unit's capture to the moment from which its agent unit counts as late."""
    jitter_allowance_ms: float = 60.0
    """How long after its end a live unit waits for media that is still on its way."""
    idle_seconds: float = 30.0
    """A client that says nothing for so long is sent away."""
    thinker_seconds: float = 10.0
    """A thinker that owes an answer and gives none for so long is given up."""
    jpeg_quality: int = 85
    """Quality of the agent's pictures, 1 to 95."""
