"""images/build.sh and builder.sh with programs that only write down how they were called."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.images.dockerfile import REPOSITORY, SERVICES


def put_builder(folder: Path, name: str, *, works: bool) -> None:
    """A builder whose `info` fails or not, and which writes its arguments down."""
    program = folder / name
    program.write_text(
        f'#!/bin/sh\n[ "$1" = info ] && exit {0 if works else 1}\necho "{name} $*" >> "{folder}/calls"\n'
    )
    program.chmod(0o755)


def run(script: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script of images/ where the folder's builders are the only ones."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("bash", "sh", "sed", "git", "date", "dirname", "env"):
        program = shutil.which(name)
        if program is not None and not (tools / name).exists():
            (tools / name).symlink_to(program)
    return subprocess.run(
        [REPOSITORY / "images" / script, *arguments],
        env={"PATH": f"{folder}:{tools}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("works", "expected"),
    [
        ({"docker": True, "podman": True, "buildah": True}, "docker"),
        ({"docker": False, "podman": True}, "podman"),
        ({"docker": False, "buildah": True}, "buildah"),
    ],
)
def test_the_first_that_works_builds(tmp_path: Path, works: dict[str, bool], expected: str) -> None:
    """Docker before podman before buildah, and docker's command without its daemon does not count."""
    for name, does in works.items():
        put_builder(tmp_path, name, works=does)
    done = run("builder.sh", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == expected


def test_none_is_said(tmp_path: Path) -> None:
    """Without one that works the build ends at once with what to install."""
    put_builder(tmp_path, "docker", works=False)
    done = run("build.sh", tmp_path)
    assert done.returncode == 1
    assert "expected one" in done.stderr
    assert "apt-get install" in done.stderr


def test_all_three_get_names_that_the_chart_asks_for(tmp_path: Path) -> None:
    """Repository and tag are the chart's, behind a registry when there is one; BASE and flags reach the builder."""
    put_builder(tmp_path, "podman", works=True)
    done = run(
        "build.sh",
        tmp_path,
        REGISTRY="registry.example.com",
        BASE="base:1",
        TORCH_INDEX="https://torch",
        BUILD_FLAGS="--network host",
    )
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == len(SERVICES)
    for service, call in zip(SERVICES, calls, strict=True):
        assert f"--tag registry.example.com/wan-streamer/{service}:0.1.0 " in call
        assert f"--file images/{service}.Dockerfile" in call
        assert "--build-arg BASE=base:1 " in call
        for label in ("base.name=base:1", "version=0.1.0", "revision=", "created=20"):
            assert f"--label org.opencontainers.image.{label}" in call
        assert "--network host" in call
        assert ("TORCH_INDEX=https://torch" in call) == (service != "gateway")


def test_an_unknown_service_is_refused(tmp_path: Path) -> None:
    """A misspelt service is an error that names the three."""
    put_builder(tmp_path, "docker", works=True)
    done = run("build.sh", tmp_path, "gatewy")
    assert done.returncode == 1
    assert "expected gateway, thinker or performer" in done.stderr
    assert not (tmp_path / "calls").exists()
