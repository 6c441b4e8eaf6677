"""Runs a script in an image as a cluster would: read-only root, user 10001, no capabilities, a /tmp of its own."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# buildah runs nothing on a read-only root: by hand, then. Arguments of sh: the root, the environment, the program.
READ_ONLY: Final = """
set -eu
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t tmpfs -o size=256m tmpfs "$1/tmp"
mount -t tmpfs -o size=1g tmpfs "$1/dev"
mkdir "$1/dev/shm" && chmod 1777 "$1/dev/shm"
for name in null zero random urandom; do : > "$1/dev/$name"; mount --bind "/dev/$name" "$1/dev/$name"; done
mount -t proc proc "$1/proc"
cd /
root=$1; shift
exec chroot --userspec=10001:10001 "$root" env -i "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image in the store of a builder.

    Attributes:
        builder: docker, podman or buildah.
    """

    builder: str
    name: str

    def config(self) -> dict[str, Any]:
        """User, Env, Entrypoint, Cmd, Labels ... as OCI has them."""
        if self.builder == "buildah":
            config = json.loads(_output("buildah", "inspect", "--type", "image", self.name))["OCIv1"]["config"]
        else:
            config = json.loads(_output(self.builder, "image", "inspect", self.name))[0]["Config"]
        assert isinstance(config, dict)
        return config

    def python(self, script: str, timeout_s: float = 900) -> Any:
        """What the script, run by the image's Python, prints as JSON on its last line.

        Raises:
            AssertionError: it failed; with what it said.
        """
        if self.builder == "buildah":
            done = self._chrooted(script, timeout_s)
        else:
            options = [
                "--rm",
                "--interactive",
                "--read-only",
                "--tmpfs",
                "/tmp",
                "--shm-size",
                "1g",
                "--cap-drop",
                "ALL",
            ]
            options += ["--security-opt", "no-new-privileges", "--network", "none", "--entrypoint", "python"]
            done = _run([self.builder, "run", *options, self.name, "-"], script, timeout_s)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def _chrooted(self, script: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        container = _output("buildah", "from", "--pull-never", self.name)
        try:
            root = _output("buildah", "mount", container)
            command = [
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                READ_ONLY,
                "sh",
                root,
            ]
            return _run([*command, *self.config()["Env"], "python", "-"], script, timeout_s)
        finally:
            _output("buildah", "rm", container)


def find_builder(script: Path) -> str | None:
    """The builder that images/build.sh would take; None without one."""
    done = _run([str(script)], "", 60)
    return done.stdout.strip() if done.returncode == 0 else None


def has_image(builder: str, name: str) -> bool:
    """Whether the builder's store has it."""
    command = ["inspect", "--type", "image", name] if builder == "buildah" else ["image", "inspect", name]
    return _run([builder, *command], "", 60).returncode == 0


def _run(command: list[str], text: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=timeout_s)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
