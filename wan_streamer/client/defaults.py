"""What the command line takes, and when nothing is said."""

from typing import Final, Literal

from wan_streamer.client.playout import DEFAULT_BUFFER_US

DEFAULT_PORT: Final = 50051
DEFAULT_BUFFER_MS: Final = DEFAULT_BUFFER_US / 1000
# The presets' names, written down a second time because the client knows nothing of the model.
PresetName = Literal["nano", "v0_1", "v0_1_1b7", "v0_2", "v0_2_1b7"]
