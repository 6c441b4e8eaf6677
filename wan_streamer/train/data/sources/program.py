"""How this package's programs start and end: one line for an error, 130 for Ctrl-C and SIGTERM."""

import signal
from collections.abc import Callable
from typing import Final, TypeVar

import tyro
from rich.console import Console

from wan_streamer.errors import WanStreamerError

Options = TypeVar("Options")
EXIT_ERROR: Final = 2
EXIT_INTERRUPTED: Final = 130


def run_program(options: type[Options], work: Callable[[Options, Console], None]) -> int:
    """Reads the command line, does the work and returns the exit code."""
    chosen = tyro.cli(options, config=(tyro.conf.FlagCreatePairsOff,))
    # A shell's background jobs do not get Ctrl-C: SIGTERM ends their processes, too, and leaves nothing half written.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        work(chosen, Console())
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except (WanStreamerError, OSError) as error:
        message = f"wan-streamer: {error}"
        Console(stderr=True, soft_wrap=True).print(message, style="red", markup=False, highlight=False)
        return EXIT_ERROR
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0
