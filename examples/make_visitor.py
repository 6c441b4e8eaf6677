#!/usr/bin/env python3
"""Make examples/visitor.mp4 again: a rendered person who speaks to a museum's front desk.

Everything comes from public packages: see requirements-visitor.txt for them and README.md for their licences.
The same packages, seed and OpenGL driver give the same film.
"""

from __future__ import annotations

import argparse
import ctypes.util
import importlib.metadata
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))  # the library, installed or not
REQUIREMENTS = HERE / "requirements-visitor.txt"
DEBIAN_PACKAGES = "libegl1 libegl-mesa0 libgl1-mesa-dri"
FRAME_RATE_HZ = 25


def main() -> None:
    arguments = parse_arguments()
    missing = missing_packages() + missing_libraries()
    if missing:
        sys.exit("make_visitor.py cannot start:\n  " + "\n  ".join(missing))
    make(arguments)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "-o", "--output", type=Path, default=HERE / "visitor.mp4", help="the film to write (default: %(default)s)"
    )
    parser.add_argument("--width", type=int, default=640, help="pixels, even (default: %(default)s)")
    parser.add_argument("--height", type=int, default=360, help="pixels, even (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=3, help="for hair, small movements and breath in the voice (default: %(default)s)"
    )
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="where the exported heads are kept (default: %(default)s)"
    )
    parser.add_argument("--stills", type=Path, metavar="FOLDER", help="write every 20th frame as PNG too, to look at")
    return parser.parse_args()


def default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "wan-streamer" / "data" / "faces"


def missing_packages() -> list[str]:
    """One line for each pinned package that is absent or has another version."""
    lines = []
    for name, wanted in re.findall(r"^([\w.-]+)==([\w.]+)", REQUIREMENTS.read_text(), re.MULTILINE):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "nothing"
        if found != wanted:
            lines.append(f"{name}: found {found}, expected {wanted}")
    return [*lines, f"Run: {sys.executable} -m pip install -r {REQUIREMENTS}"] if lines else []


def missing_libraries() -> list[str]:
    if ctypes.util.find_library("EGL"):
        return []
    return [f"libEGL: not found. On Debian or Ubuntu run: apt-get install {DEBIAN_PACKAGES}"]


def make(arguments: argparse.Namespace) -> None:
    """Voice, then movement, then pictures. The imports wait until their packages are known to be there."""
    from tqdm import tqdm
    from visitor.film import write_film
    from visitor.lips import align
    from visitor.motion import move
    from visitor.person import load_person
    from visitor.renderer import Renderer
    from visitor.voice import speak

    from wan_streamer.train.data.motion.lips import mouth_curves

    speech = speak(frame_rate_hz=FRAME_RATE_HZ, seed=arguments.seed)
    frame_count = round(speech.duration_s * FRAME_RATE_HZ)
    mouth = mouth_curves(align(speech), frame_count)
    motion = move(speech, mouth, frame_rate_hz=FRAME_RATE_HZ, seed=arguments.seed)
    print(
        f"{len(speech.lines)} lines, {speech.duration_s:.2f} s. The first run exports heads, which takes two minutes."
    )
    renderer = Renderer(
        load_person(arguments.cache), width=arguments.width, height=arguments.height, seed=arguments.seed
    )
    frames: Iterable[Image] = (
        renderer.draw(motion, frame) for frame in tqdm(range(frame_count), desc="Rendering", unit="frame")
    )
    if arguments.stills:
        frames = keep_stills(frames, arguments.stills)
    write_film(
        arguments.output, frames, speech, width=arguments.width, height=arguments.height, frame_rate_hz=FRAME_RATE_HZ
    )
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")


def keep_stills(frames: Iterable[Image], folder: Path, every: int = 20) -> Iterator[Image]:
    """Hand the frames on and write every 20th to the folder."""
    from PIL.Image import fromarray

    folder.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(frames):
        if index % every == 0:
            fromarray(frame).save(folder / f"frame-{index:04d}.png")
        yield frame


if __name__ == "__main__":
    main()
