"""What a benchmark says about the machine that it ran on."""

import datetime
import os
import platform
from pathlib import Path


def describe_machine() -> str:
    """Date, processor, cores and Python, in one line."""
    return f"{datetime.date.today()}, {_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
