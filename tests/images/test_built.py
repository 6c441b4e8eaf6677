"""Real images: built by images/build.sh, looked into and started as a cluster starts them.

Needs a builder that works and a base in its store: images/base.sh makes one, IMAGES_BASE names another. Those with
torch fetch 3 GB: IMAGES=gateway,thinker,performer asks for them too.
"""

import os
import subprocess
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.images.container import Image, find_builder, has_image
from tests.images.dockerfile import REPOSITORY, SERVICES
from tests.images.inspection_text import inspection_text

BASE: Final = os.environ.get("IMAGES_BASE", "localhost/wan-streamer-base:trixie")
TAG: Final = "test"
GATEWAY_LIMIT_BYTES: Final = 250_000_000
# Nothing of the repository beside these may be in /app.
APPLICATION: Final = {"LICENSE", "NOTICE", "services", "wan_streamer"}


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image, and what its inspection found."""

    service: str
    image: Image
    found: dict[str, Any]


@pytest.fixture(scope="module", params=SERVICES)
def built(request: pytest.FixtureRequest) -> Built:
    """Each service's image, built from this tree."""
    service = str(request.param)
    if service not in os.environ.get("IMAGES", "gateway").split(","):
        pytest.skip(f"fetches torch, 3 GB: IMAGES={service} builds it")
    builder = find_builder(REPOSITORY / "images" / "builder.sh")
    if builder is None:
        pytest.skip("none of docker, podman and buildah works here")
    if builder == "buildah" and os.geteuid() != 0:
        pytest.skip("buildah's containers are run by hand here, which needs root")
    if not has_image(builder, BASE):
        pytest.skip(f"{builder} has no {BASE}: images/base.sh makes it")
    command = [REPOSITORY / "images" / "build.sh", service]
    done = subprocess.run(
        command, env={**os.environ, "BASE": BASE, "TAG": TAG}, capture_output=True, text=True, check=False, timeout=3000
    )
    assert done.returncode == 0, done.stdout + done.stderr
    image = Image(builder=builder, name=f"wan-streamer/{service}:{TAG}")
    return Built(service=service, image=image, found=image.python(inspection_text(service)))


pytestmark = pytest.mark.timeout(3600)


def test_it_says_what_it_is_and_runs_as_nobody(built: Built) -> None:
    """User, command and labels as they were built, with the version and the base."""
    config = built.image.config()
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["python", "-m", f"services.{built.service}"]
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["title"] == f"wan-streamer {built.service}"
    assert labels["version"] == "0.1.0"
    assert labels["base.name"] == BASE
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--abbrev=40", "--dirty"]
    assert labels["revision"] == subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_nothing_of_the_build_is_left(built: Built) -> None:
    """No compiler, no pip in our environment, no cache of it, no code that the service does not need."""
    assert not built.found["compilers"]
    assert not built.found["pip"]
    assert not built.found["caches"]
    assert set(built.found["foreign"]) == APPLICATION


def test_every_package_is_a_pinned_one(built: Built) -> None:
    """Name and version of each installed package stand in constraints.txt."""
    constraints = (REPOSITORY / "constraints.txt").read_text().lower().replace("-", "_").split()
    pins = {line.replace("==", "_") for line in constraints}
    installed = {
        name.removesuffix(".dist_info") for name in (n.lower().replace("-", "_") for n in built.found["packages"])
    }
    assert len(installed) > 20
    assert not installed - pins


def test_the_gateway_is_small_and_the_engine_has_its_weights(built: Built) -> None:
    """250 MB unpacked, base and all, and no torch; thinkers and performers have torch and nano."""
    if built.service == "gateway":
        assert built.found["bytes"] < GATEWAY_LIMIT_BYTES
        assert not built.found["torch"]
        assert not built.found["weights"]
    else:
        assert built.found["torch"]
        assert {path.name for path in (REPOSITORY / "wan_streamer" / "weights").iterdir()} == set(
            built.found["weights"]
        )


def test_it_starts_on_a_read_only_root(built: Built) -> None:
    """As user 10001 that can write to /tmp alone: `--help`, then the service until its engine lives, then SIGTERM."""
    assert built.found["user"] == [10001, 10001]
    assert not built.found["writable"]
    assert built.found["help"] == [0, True]
    assert built.found["start"]["is_alive"], built.found["start"]["said"]
    assert built.found["start"]["returncode"] == 0, built.found["start"]["said"]
