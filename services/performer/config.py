"""Configuration of the performer service."""

from dataclasses import dataclass
from pathlib import Path

from services.performer.wire import Rendezvous, read_key
from wan_streamer.engine.config import EngineConfig
from wan_streamer.errors import InvalidInput
from wan_streamer.rpc.config import ServerConfig


@dataclass(frozen=True, kw_only=True)
class PerformerConfig(ServerConfig, EngineConfig):
    """The performer: solves the latents of each unit by flow matching, and nothing else."""

    group: str = "performer-0"
    """Name of this group, for placements and logs."""
    ranks: int = 1
    """Processes that share every unit's work; on GPUs, each has one of its own. 1 computes in this process."""
    rank: int = 0
    """With --rendezvous: which rank this process runs. Rank 0 serves sessions, the others obey it."""
    rendezvous: str = ""
    """HOST:PORT at which rank 0 waits for the others, each started on a host of its own; empty: all ranks run here."""
    rendezvous_key_file: Path | None = None
    """File with the key (32 bytes or more) that lets ranks in; needed with --rendezvous, the same for all ranks."""

    def rendezvous_place(self) -> Rendezvous | None:
        """Where the ranks meet; None: all are processes of this host.

        Raises:
            InvalidInput: RANKS, a rank that the group does not have; RENDEZVOUS, no HOST:PORT; RENDEZVOUS_KEY, no key.
        """
        if not self.rendezvous:
            if self.rank or self.rendezvous_key_file:
                raise InvalidInput("got --rank or --rendezvous-key-file without --rendezvous", reason="RENDEZVOUS")
            return None
        host, _, port = self.rendezvous.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise InvalidInput(f"got --rendezvous {self.rendezvous!r}, expected HOST:PORT", reason="RENDEZVOUS")
        if self.ranks < 2:
            raise InvalidInput(f"got --rendezvous with {self.ranks} ranks, expected 2 or more", reason="RANKS")
        if not 0 <= self.rank < self.ranks:
            raise InvalidInput(f"got rank {self.rank}, expected 0 to {self.ranks - 1}", reason="RANKS")
        return Rendezvous(host=host.strip("[]"), port=int(port), key=read_key(self.rendezvous_key_file))
