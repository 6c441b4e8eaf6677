"""Starts a service that must not outlive its starter: `python -m wan_streamer.client.child PARENT_PID MODULE ...`.

The suite's processes have a session of their own, so that a terminal's Ctrl-C does not reach them; without this they
would go on when the suite is killed.
"""

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """Asks the kernel for SIGTERM when the parent is gone; exits when it is gone already. Linux only."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        sys.exit(f"got parent {os.getppid()}, expected {parent_pid}: whoever started this process is gone")


def main() -> None:
    """Runs the module named in the second argument as `python -m` would."""
    _, parent_pid, module, *arguments = sys.argv
    die_with_parent(int(parent_pid))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
