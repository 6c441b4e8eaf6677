"""What the command line takes when nothing is said."""

from typing import Final

from wan_streamer.client.playout import DEFAULT_BUFFER_US

DEFAULT_PORT: Final = 50051
DEFAULT_BUFFER_MS: Final = DEFAULT_BUFFER_US / 1000
