"""The services' images as the cluster's tests install them, in buildah's store: `python -m scripts.cluster.images`.

Made from this tree; layers that are there are taken. BASE names another base image, BUILD_FLAGS other options of
buildah's build command (images/build.sh).
"""

import os
import subprocess
from pathlib import Path
from typing import Final

IMAGES: Final = Path(__file__).parents[2] / "images"
REGISTRY, TAG = "localhost", "cluster"
SERVICES: Final = ("gateway", "thinker", "performer")
NAMES: Final = tuple(f"{REGISTRY}/wan-streamer/{service}:{TAG}" for service in SERVICES)
BASE: Final = "localhost/wan-streamer-base:trixie"
# Where no engine of containers runs, and certificates are the host's.
BUILD_FLAGS: Final = "--isolation chroot --network host -v /etc/ssl/certs:/etc/ssl/certs:ro"


def build_images() -> None:
    """Builds them, and first the base where it is ours and not there.

    Raises:
        CalledProcessError: a build failed; it has said why.
    """
    environment = {"BASE": BASE, "BUILD_FLAGS": BUILD_FLAGS} | os.environ
    environment |= {"BUILDER": "buildah", "REGISTRY": REGISTRY, "TAG": TAG}
    has_base = subprocess.run(["buildah", "inspect", "--type", "image", BASE], capture_output=True, check=False)
    if environment["BASE"] == BASE and has_base.returncode:
        subprocess.run([IMAGES / "base.sh", BASE], env=environment, check=True)
    subprocess.run([IMAGES / "build.sh", *SERVICES], env=environment, check=True)


if __name__ == "__main__":
    build_images()
