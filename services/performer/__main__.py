"""`python -m services.performer`: runs the performer service until SIGTERM or Ctrl-C."""

import functools

import tyro

from services.performer.agent import build_agent
from services.performer.config import PerformerConfig
from services.performer.rank_process import Load
from services.performer.service import build_performer
from wan_streamer.engine.config import load_model
from wan_streamer.rpc.server import run_service


def main(load: Load = load_model) -> None:
    """Reads the command line and runs the service."""
    config = tyro.cli(PerformerConfig, prog="performer")
    build = build_agent if config.rank else build_performer
    run_service("performer", config, functools.partial(build, config, load=load))


if __name__ == "__main__":
    main()
