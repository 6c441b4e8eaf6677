"""`python -m services.thinker`: runs the thinker service until SIGTERM or Ctrl-C."""

import functools

import tyro

from services.thinker.config import ThinkerConfig
from services.thinker.service import build_thinker
from wan_streamer.rpc.server import run_service


def main() -> None:
    """Reads the command line and runs the service."""
    config = tyro.cli(ThinkerConfig, prog="thinker")
    run_service("thinker", config, functools.partial(build_thinker, config))


if __name__ == "__main__":
    main()
