"""Configuration of the performer service."""

from dataclasses import dataclass

from wan_streamer.engine.config import EngineConfig
from wan_streamer.rpc.config import ServerConfig


@dataclass(frozen=True, kw_only=True)
class PerformerConfig(ServerConfig, EngineConfig):
    """The performer: solves the latents of each unit by flow matching, and nothing else."""

    group: str = "performer-0"
    """Name of this group, for placements and logs."""
    ranks: int = 1
    """Processes that share every unit's work; on GPUs, each has one of its own. 1 computes in this process."""
