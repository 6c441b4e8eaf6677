"""`wan-streamer presets`: what each preset costs, as a child process because the client knows nothing of the model."""

from dataclasses import dataclass
from typing import Annotated, Final

from rich.console import Console
from tyro.conf import Positional, arg

from wan_streamer.client.command import Command
from wan_streamer.client.module_command import options_of, run_module

PRESETS_MODULE: Final = "wan_streamer.train.presets_command"


@dataclass(frozen=True, kw_only=True)
class Presets(Command):
    """Say what each preset costs: parameters, tokens, arithmetic, memory, and the least time of a unit on a GPU.

    From the configurations alone: no weights are made, nothing is measured. docs/model.md says what is counted. Needs
    the engine extra (torch).
    """

    names: Annotated[Positional[tuple[str, ...]], arg(metavar="[PRESET ...]")] = ()
    """Presets, or weights (NAME.safetensors), which carry their configuration; all presets when absent."""
    gpu: str = "H100"
    """Whose floor to say: B200, H200, H100, H100 PCIe, A100, L40S, L4 or RTX 4090."""
    json: bool = False
    """Print JSON: bytes, operations and milliseconds."""

    def execute(self, console: Console) -> int:
        return run_module(PRESETS_MODULE, [*self.names, *options_of({"gpu": self.gpu, "json": self.json})])
