"""One package file from its index by the index's own client."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.package import Package

POLL_INTERVAL_S: Final = 0.1
STOP_LIMIT_S: Final = 5.0


def download(package: Package, folder: Path, on_bytes: Callable[[int], None]) -> Path:
    """Runs pip or apt-get in an empty folder and returns the file that it left there.

    Args:
        on_bytes: told every 0.1 s how much has come.

    Raises:
        InvalidInput: the client is missing or failed; the message ends with what it said.
    """
    client = subprocess.Popen(  # noqa: S603  (fixed programs, pinned names)
        _command(package),
        cwd=folder,
        # pip writes unfinished files there
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while client.poll() is None:
            on_bytes(_bytes_in(folder))
            time.sleep(POLL_INTERVAL_S)
        _, said = client.communicate()
    finally:
        _stop(client)
    found = [path for path in folder.iterdir() if path.suffix in (".whl", ".deb", ".gz")]
    if client.returncode or len(found) != 1:
        last = said.strip().splitlines()[-1] if said.strip() else "nothing"
        raise InvalidInput(
            f"got {package.name} {package.version} not downloaded ({last}); {_advice(package)}", reason="DOWNLOAD"
        )
    return found[0]


def _command(package: Package) -> list[str]:
    if package.index == "pypi":
        options = ["--no-deps", "--quiet", "--disable-pip-version-check", "--no-input"]
        return [sys.executable, "-m", "pip", "download", *options, f"{package.name}=={package.version}"]
    apt = shutil.which("apt-get")
    if apt is None:
        raise InvalidInput(
            f"got no apt-get, expected it to fetch the Debian package {package.name}; {_advice(package)}",
            reason="DOWNLOAD",
        )
    return [apt, "download", "--quiet", f"{package.name}={package.version}"]


def _advice(package: Package) -> str:
    by_hand = f"or put {package.file_name} into the folder 'packages' of the cache yourself and say it again"
    if package.index == "pypi":
        return f"check the network and pip's settings, {by_hand}"
    return f"run it on Debian 12 or in a container of it after 'apt-get update', {by_hand}"


def _bytes_in(folder: Path) -> int:
    total = 0
    # The client makes and removes folders meanwhile: walk() passes over those that are gone, rglob() raises.
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(parent) / name).stat().st_size
    return total


def _stop(client: subprocess.Popen[str]) -> None:
    if client.poll() is None:
        client.terminate()
        try:
            client.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            client.kill()
            client.wait()
    if client.stderr is not None:
        client.stderr.close()
