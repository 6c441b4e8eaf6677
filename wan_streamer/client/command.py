"""What every subcommand of `wan-streamer` is."""

from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class Command:
    """What all subcommands share."""

    debug: bool = False
    """Show the whole traceback of an error."""

    def execute(self, console: Console) -> int:
        """Does it and returns the exit code."""
        raise NotImplementedError
