"""Processes that outlive the program which starts them: each has a file with its id, and a log."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

READY_S, STOP_S = 90, 20
LAST_LINES: Final = 5


class Processes:
    """The processes of a folder, by name; a program in `programs` goes before one on the PATH.

    Args:
        folder: for `NAME.pid` and `log/NAME.log`.
        programs: folder with programs of our own.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs

    def start(self, name: str, *arguments: str) -> None:
        """Starts a program, unless it runs."""
        if self.is_running(name):
            return
        own = self._programs / name
        logs = self._folder / "log"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(own) if own.exists() else name, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._file(name).write_text(str(process.pid))

    def stop(self, name: str) -> None:
        """Ends a process; SIGKILL for one that takes more than STOP_S."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            until = time.monotonic() + STOP_S
            if (pid := self._running_id(name)) is not None:
                os.kill(pid, number)
            while self.is_running(name) and time.monotonic() < until:
                time.sleep(0.1)
        self._file(name).unlink(missing_ok=True)

    def is_running(self, name: str) -> bool:
        """Whether it was started and has not ended."""
        return self._running_id(name) is not None

    def wait(self, name: str, works: Callable[[], object]) -> None:
        """Waits until `works` returns something else than False and raises no CalledProcessError.

        Raises:
            SystemExit: the process ended, or READY_S went by; with what its log says last.
        """
        until = time.monotonic() + READY_S
        while True:
            try:
                if works() is not False:
                    return
            except subprocess.CalledProcessError:
                pass
            if not self.is_running(name) or time.monotonic() > until:
                log = self._folder / "log" / f"{name}.log"
                last = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
                raise SystemExit(f"got no {name} within {READY_S} s, expected one; {log} ends with\n{last}")
            time.sleep(0.2)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.pid"

    def _running_id(self, name: str) -> int | None:
        file = self._file(name)
        if not file.is_file():
            return None
        pid = int(file.read_text())
        try:
            # Ids are used again; one that has ended and that nobody has asked for yet has no command line.
            is_ours = name in Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            return None
        return pid if is_ours else None
