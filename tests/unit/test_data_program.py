"""A program that shares its work among processes, and what SIGTERM does to all of them."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from wan_streamer.train.data.sources.program import EXIT_INTERRUPTED, run_program
from wan_streamer.train.data.sources.workers import workers

PATIENCE_S = 30


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a file for each process, again and again."""

    out: Path


def work(options: Options, console: Console) -> None:
    with workers(2, _nothing, ()) as pool:
        pool.map(_write_on, [options.out] * 2, chunksize=1)


def _nothing() -> None:
    pass


def _write_on(folder: Path) -> None:
    while True:
        (folder / str(os.getpid())).touch()
        time.sleep(0.02)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_processes(tmp_path: Path, signal_number: signal.Signals) -> None:
    """Exit code 130, no traceback, and nobody writes any more."""
    command = [sys.executable, "-m", "tests.unit.test_data_program", "--out", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        limit_s = time.monotonic() + PATIENCE_S
        while len(list(tmp_path.iterdir())) < 2:
            assert time.monotonic() < limit_s
            time.sleep(0.05)
        process.send_signal(signal_number)
        _, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (EXIT_INTERRUPTED, "")
    for path in tmp_path.iterdir():
        assert not Path("/proc", path.name).exists()


if __name__ == "__main__":
    sys.exit(run_program(Options, work))
