"""`wan-streamer doctor`: what this machine has, what is missing, and what to do about it."""

import enum
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import av.codec
from av import library_versions
from rich.console import Console
from rich.markup import escape

from wan_streamer.client.defaults import DEFAULT_PORT

MIN_PYTHON: Final = (3, 11)
MIN_CORES: Final = 2
MIN_MEMORY_GIB: Final = 3.0
MIN_DISK_GIB: Final = 2.0
COMMAND_LIMIT_S: Final = 10.0
MAX_CLOCK_JUMP_S: Final = 0.005
CLOCK_CHECK_S: Final = 0.05
GIB: Final = 1024**3


class Level(enum.Enum):
    """How bad it is; the value is the colour on the console."""

    OK = "green"
    WARN = "yellow"
    FAIL = "red"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, and what to do when it is not good."""

    level: Level
    name: str
    found: str
    advice: str = ""


def examine(out: Path) -> Iterator[Finding]:
    """All checks, one finding each. `out` is where results would go."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python,
        _ffmpeg,
        _torch,
        _cores,
        _memory,
        lambda: _disk(out),
        _port,
        _gpu,
        _clock,
    )
    for check in checks:
        yield check()


def show(console: Console, findings: Iterator[Finding]) -> bool:
    """Prints the findings as they come. Returns whether none is FAIL."""
    is_well = True
    for finding in findings:
        mark = f"[{finding.level.value}]{finding.level.name:4}[/]"
        console.print(f"{mark} {finding.name:8} {escape(finding.found)}", highlight=False, soft_wrap=True)
        if finding.advice:
            console.print(f"              -> {escape(finding.advice)}", highlight=False, soft_wrap=True)
        is_well = is_well and finding.level is not Level.FAIL
    return is_well


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < MIN_PYTHON:
        return Finding(Level.FAIL, "Python", found, "install Python 3.11 or newer and make the environment anew")
    if not sys.platform.startswith("linux"):
        return Finding(Level.WARN, "Python", found, "the suite is made for Linux; elsewhere the client alone is tried")
    return Finding(Level.OK, "Python", found)


def _ffmpeg() -> Finding:
    version = ".".join(str(part) for part in library_versions["libavcodec"])
    found = f"PyAV {av.__version__}, libavcodec {version}"
    missing = sorted({"libx264", "aac"} - set(av.codec.codecs_available))
    if missing:
        advice = "reinstall PyAV from its wheel: pip install --force-reinstall --only-binary :all: av"
        return Finding(Level.FAIL, "FFmpeg", f"{found}, without {' and '.join(missing)}", advice)
    return Finding(Level.OK, "FFmpeg", f"{found}, with libx264 and aac")


def _torch() -> Finding:
    # Found, not imported: it costs seconds, and the client must run without it.
    if importlib.util.find_spec("torch") is None:
        advice = "to run the model here: pip install 'wan-streamer[engine]'; `wan-streamer talk` works without"
        return Finding(Level.WARN, "torch", "not installed", advice)
    return Finding(Level.OK, "torch", importlib.metadata.version("torch"))


def _cores() -> Finding:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    found = f"{count}, load {load:.1f}"
    if count < MIN_CORES:
        return Finding(
            Level.WARN, "cores", found, f"real time needs {MIN_CORES} cores or a GPU; units will be late here"
        )
    if load > count:
        return Finding(Level.WARN, "cores", found, "the machine is busy; stop other work, or units will be late")
    return Finding(Level.OK, "cores", found)


def _memory() -> Finding:
    available_gib = _available_memory_bytes() / GIB
    found = f"{available_gib:.1f} GiB available"
    if available_gib < MIN_MEMORY_GIB:
        return Finding(Level.WARN, "memory", found, f"the suite wants {MIN_MEMORY_GIB:.0f} GiB; close other programs")
    return Finding(Level.OK, "memory", found)


def _available_memory_bytes() -> int:
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _disk(out: Path) -> Finding:
    directory = next(parent for parent in (out.absolute(), *out.absolute().parents) if parent.is_dir())
    free_gib = shutil.disk_usage(directory).free / GIB
    found = f"{free_gib:.1f} GiB free for {out}"
    if not os.access(directory, os.W_OK):
        return Finding(Level.FAIL, "disk", f"{directory} cannot be written", "choose another directory with --out")
    if free_gib < MIN_DISK_GIB:
        return Finding(Level.WARN, "disk", found, "make room, or choose another directory with --out")
    return Finding(Level.OK, "disk", found)


def _port() -> Finding:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError as error:
            advice = "stop what uses it, or say `wan-streamer serve --port N`; `run` takes free ports by itself"
            return Finding(Level.WARN, "port", f"{DEFAULT_PORT} is not free ({error.strerror})", advice)
    return Finding(Level.OK, "port", f"{DEFAULT_PORT} is free on loopback")


def _gpu() -> Finding:
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding(Level.OK, "GPU", "none (no nvidia-smi); the preset nano runs on the CPU")
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=COMMAND_LIMIT_S, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        return Finding(Level.WARN, "GPU", f"nvidia-smi failed ({error})", "repair or reinstall the NVIDIA driver")
    return Finding(Level.OK, "GPU", "; ".join(answer.stdout.split("\n")).strip("; ") or "none found by nvidia-smi")


def _clock() -> Finding:
    wall_s, steady_s = time.time(), time.monotonic()
    time.sleep(CLOCK_CHECK_S)
    jump_s = abs((time.time() - wall_s) - (time.monotonic() - steady_s))
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if jump_s > MAX_CLOCK_JUMP_S:
        advice = "wall time is being set; wait until it has settled, or lateness is measured wrongly"
        return Finding(Level.WARN, "clock", f"{now}, jumped by {jump_s * 1000:.1f} ms", advice)
    return Finding(
        Level.OK, "clock", f"{now}, steady, resolution {time.get_clock_info('monotonic').resolution * 1e9:.0f} ns"
    )
