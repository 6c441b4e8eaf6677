"""What the Dockerfiles put into an image is enough to run its service; the build's programs do what they say."""

import importlib.util
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from tests.images.dockerfile import REPOSITORY, SERVICES, copy_application, stages_of

# What the service must run without: what its image leaves out, by the name that is imported.
WITHOUT = {
    "gateway": ("av", "torch", "safetensors"),
    "thinker": ("av", "PIL", "jwt", "soxr", "kubernetes"),
    "performer": ("av", "PIL", "jwt", "soxr", "kubernetes"),
}
DISTRIBUTIONS = {"PIL": "pillow", "jwt": "pyjwt"}
BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(name + " is not in the image", name=name)
sys.meta_path.insert(0, Blocker())
"""


def program(name: str) -> ModuleType:
    """A program of images/, as a module."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "images" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_alone(root: Path, without: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    """Runs code with nothing of the repository but `root`, where some packages cannot be imported."""
    command = [sys.executable, "-P", "-c", BLOCKER.format(names=without) + code, "--help"]
    return subprocess.run(
        command, cwd=root, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False, timeout=110
    )


@pytest.mark.parametrize("service", SERVICES)
def test_the_copied_code_runs_without_the_rest(service: str, tmp_path: Path) -> None:
    """`--help` of the service from a folder that has only what is copied, without the packages that are left out."""
    if service != "gateway":
        pytest.importorskip("torch", reason="the engine needs torch")
    copy_application(service, tmp_path)
    stubs = REPOSITORY / "wan_streamer" / "v1"
    (tmp_path / "wan_streamer" / "v1").symlink_to(stubs)
    starts = "import wan_streamer.client, numpy\n" if service == "gateway" else ""
    code = f"{starts}import runpy; runpy.run_module('services.{service}', run_name='__main__')"
    done = run_alone(tmp_path, WITHOUT[service], code)
    assert done.returncode == 0, done.stderr
    assert "--port" in done.stdout
    assert not (tmp_path / "wan_streamer" / "train").exists()


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_left_out_is_what_the_test_above_blocks(service: str) -> None:
    """Its image's requirements, as its Dockerfile asks for them, are pinned and have none of the blocked packages."""
    words = " ".join(value for stage in stages_of(service) for value in stage.values("RUN")).split()
    options = {name: [b for a, b in pairwise(words) if a == name] for name in ("--extra", "--without")}
    pyproject = (REPOSITORY / "pyproject.toml").read_text()
    found = program("requirements").requirements(pyproject, options["--extra"], options["--without"])
    assert all("==" in line for line in found)
    names = {line.partition("==")[0] for line in found}
    assert names.isdisjoint(DISTRIBUTIONS.get(name, name) for name in WITHOUT[service])
    assert ("torch" in names) == (service != "gateway")
    assert ("kubernetes" in names) == (service == "gateway")


def test_unknown_names_are_refused() -> None:
    """A misspelt extra or a package that nobody installs does not pass in silence."""
    pyproject = (REPOSITORY / "pyproject.toml").read_text()
    with pytest.raises(ValueError, match="expected one of"):
        program("requirements").requirements(pyproject, ["gatewy"], [])
    with pytest.raises(ValueError, match="expected some of"):
        program("requirements").requirements(pyproject, [], ["ffmpeg"])


def test_packages_of_python_alone_are_packed_and_imported_as_before(tmp_path: Path) -> None:
    """They are gone, a Python that reads .pth files there finds them; a library, data or a namespace keeps one out."""
    put(tmp_path, "toy/__init__.py", "from toy.part import WORD\n")
    put(tmp_path, "toy/part/__init__.py", "WORD = 'packed'\n")
    put(tmp_path, "toy/py.typed", "")
    for kept in ("fast/one.so", "told/words.txt", "space/part/module.py", "toy-1.dist-info/METADATA"):
        put(tmp_path, kept, "")
        if not kept.startswith("toy"):
            put(tmp_path, f"{kept.partition('/')[0]}/__init__.py", "")
    assert program("pack").pack(tmp_path) == ["toy"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [
        "fast",
        "space",
        "told",
        "toy-1.dist-info",
    ]
    code = f"import site; site.addsitedir({str(tmp_path)!r}); import toy; print(toy.WORD, toy.__file__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("packed ")
    assert "packages.zip" in done.stdout


def test_nothing_to_pack_is_said(tmp_path: Path) -> None:
    """A wrong folder does not pass in silence."""
    with pytest.raises(ValueError, match="expected a folder of packages"):
        program("pack").pack(tmp_path)


def put(root: Path, name: str, text: str) -> None:
    """A file in folders of its own."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
