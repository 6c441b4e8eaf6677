"""`python -m services.performer`: runs the performer service until SIGTERM or Ctrl-C."""

import functools

import tyro

from services.performer.config import PerformerConfig
from services.performer.service import build_performer
from wan_streamer.rpc.server import run_service


def main() -> None:
    """Reads the command line and runs the service."""
    config = tyro.cli(PerformerConfig, prog="performer")
    run_service("performer", config, functools.partial(build_performer, config))


if __name__ == "__main__":
    main()
