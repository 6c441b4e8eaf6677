"""`python -m services.gateway --port 7300 --thinker 127.0.0.1:7301`"""

from functools import partial

import tyro

from services.gateway.config import GatewayConfig
from services.gateway.service import build_gateway
from wan_streamer.rpc.server import run_service


def main() -> None:
    """Runs one gateway until it is told to end."""
    config = tyro.cli(GatewayConfig, prog="python -m services.gateway", description=__doc__)
    run_service("gateway", config, partial(build_gateway, config))


if __name__ == "__main__":
    main()
