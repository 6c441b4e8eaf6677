"""Subcommands whose work the client does not import: they start the module that does it and pass everything through."""

import importlib.util
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from wan_streamer.errors import InvalidInput

Value = str | int | float | bool | Path | None | tuple[Path, ...] | tuple[str, ...]


def options_of(values: Mapping[str, Value]) -> list[str]:
    """Command line options for values that are there; a flag for each that is true."""
    words: list[str] = []
    for name, value in values.items():
        flag = "--" + name.replace("_", "-")
        if value is None or value is False or value == ():
            continue
        if value is True:
            words.append(flag)
        elif isinstance(value, tuple):
            words += [flag, *map(str, value)]
        else:
            words += [flag, str(value)]
    return words


def run_module(module: str, arguments: Sequence[str], *, needs_torch: bool = True) -> int:
    """Runs `python -m module` in this terminal and returns its exit code.

    Ctrl-C goes to the module, which ends in its own way (training saves); this process only waits.

    Raises:
        InvalidInput: ENGINE_MISSING, it needs torch, which is not installed.
    """
    if needs_torch and importlib.util.find_spec("torch") is None:
        raise InvalidInput(
            "got an installation without torch, expected one that has it; pip install 'wan-streamer[engine]'",
            reason="ENGINE_MISSING",
        )
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # The child must hear Ctrl-C, so it gets back what was ignored here.
        child = [sys.executable, "-m", module, *arguments]
        return subprocess.run(child, check=False, preexec_fn=_hear_interrupts).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
