"""Services as child processes: how they fail, how they end, and that they never stay behind."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from wan_streamer.client.process import ServiceProcess
from wan_streamer.client.suite import Suite, SuiteOptions
from wan_streamer.errors import InvalidInput, PeerUnavailable


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_service_that_does_not_start_shows_its_last_words(tmp_path: Path) -> None:
    """The error names the service, its exit code, its log and the end of it."""
    process = ServiceProcess("gateway", 1, ["--no-such-option"], tmp_path / "logs" / "gateway.log")
    await process.start()
    await process.wait_for_death()
    error = process.failure()
    assert isinstance(error, PeerUnavailable)
    for words in ("the gateway ended with code", "gateway.log", "no-such-option"):
        assert words in str(error)
    await process.stop(1.0)


async def test_one_that_cannot_start_stops_the_suite(tmp_path: Path) -> None:
    """When one service ends at the start, the suite fails with its log at once and leaves nothing behind."""
    suite = Suite(SuiteOptions(preset="no-such-preset", out=tmp_path), lambda name: None)
    with pytest.raises(PeerUnavailable, match="no-such-preset"):
        await suite.start()
    for name in ("performer", "thinker", "gateway"):
        await suite.process(name).wait_for_death()


async def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """The error says which port and what to do."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(InvalidInput, match=rf"port {port}.*--port"):
            await Suite(SuiteOptions(port=port, out=tmp_path), lambda name: None).start()
    assert not (tmp_path / "logs").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's parent death signal is Linux only")
def test_a_child_dies_with_its_parent() -> None:
    """A suite that is killed, without a chance to clean up, leaves no service behind."""
    parent_code = """
        import os, subprocess, sys, time
        child = subprocess.Popen(
            [sys.executable, "-m", "wan_streamer.client.child", str(os.getpid()), "http.server", "0"],
            start_new_session=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        child.stdout.readline()
        print(child.pid, flush=True)
        time.sleep(60)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(parent_code)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert parent.stdout is not None
    child_pid = int(parent.stdout.readline())
    assert is_running(child_pid)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    for _ in range(500):
        if not is_running(child_pid):
            break
        time.sleep(0.01)
    assert not is_running(child_pid)


def test_an_orphan_does_not_start() -> None:
    """A child whose parent is gone before it could ask for the signal ends by itself."""
    command = [sys.executable, "-m", "wan_streamer.client.child", "1", "http.server", "0"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode != 0
    assert "is gone" in finished.stderr
