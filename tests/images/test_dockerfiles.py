"""What the Dockerfiles promise, read from their text."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.images.dockerfile import REPOSITORY, SERVICES, copies_of, instructions_of, is_ignored, stages_of, text_of

LABELS = ("title", "description", "source", "licenses")


def chart_values() -> dict[str, Any]:
    values = yaml.safe_load((REPOSITORY / "helm" / "wan-streamer" / "values.yaml").read_text())
    assert isinstance(values, dict)
    return values


def test_there_is_one_for_each_service() -> None:
    """A folder in services/ has a Dockerfile, and no Dockerfile is left over."""
    folders = {path.parent.name for path in (REPOSITORY / "services").glob("*/__main__.py")}
    assert folders == set(SERVICES) == {path.stem for path in (REPOSITORY / "images").glob("*.Dockerfile")}


@pytest.mark.parametrize("service", SERVICES)
def test_hadolint_finds_nothing(service: str) -> None:
    """The linter of the field parses it and has nothing to say."""
    program = shutil.which("hadolint", path=f"{REPOSITORY / '.venv' / 'bin'}") or shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is missing: the extra `dev` brings it")
    done = subprocess.run([program, "-"], input=text_of(service), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    bad = subprocess.run([program, "-"], input="FROM debian\nRUN cd /tmp", capture_output=True, text=True, check=False)
    assert bad.returncode != 0, "it takes an unpinned base"


@pytest.mark.parametrize("service", SERVICES)
def test_what_comes_from_outside_is_pinned(service: str) -> None:
    """The base is a tag and a digest that BASE replaces; packages are ready built and of constraints.txt's versions."""
    first = instructions_of(text_of(service))[0]
    assert first.name == "ARG"
    assert re.fullmatch(r"BASE=[a-z0-9./-]+:\d+\.\d+\.\d+-[a-z-]+@sha256:[0-9a-f]{64}", first.value)
    stages = stages_of(service)
    names = {stage.name for stage in stages}
    assert all(stage.origin == "${BASE}" or stage.origin in names for stage in stages)
    runs = [value for stage in stages for value in stage.values("RUN")]
    installs = [value for value in runs if re.search(r"pip\b.*\binstall\b", value)]
    assert len(installs) == 2
    for value in installs:
        assert "--only-binary :all:" in value
        assert "--no-cache-dir" in value
        assert re.search(r"-c \S*constraints\.txt", value)
    assert not re.search(r"\b(curl|wget|git)\b|https?://", " ".join(runs))
    assert not re.search(r"\bapt-get\b", " ".join(stages[-1].values("RUN"))), "a package of the system travels"


@pytest.mark.parametrize("service", SERVICES)
def test_the_image_is_what_the_chart_starts(service: str) -> None:
    """User, command, port and the place of the weights are those of the chart's values and templates."""
    image, values = stages_of(service)[-1], chart_values()
    context = values["podSecurityContext"]
    assert image.values("USER") == [f"{context['runAsUser']}:{context['runAsGroup']}"]
    assert json.loads(image.values("ENTRYPOINT")[0]) == ["python", "-m", f"services.{service}"]
    port = values[service]["port"]
    assert image.values("EXPOSE") == [str(port)]
    assert json.loads(image.values("CMD")[0]) == ["--host=0.0.0.0", f"--port={port}"]
    weights = [destination for sources, destination in copies_of(service) if sources == ["wan_streamer/weights"]]
    assert weights == ([] if service == "gateway" else [values["model"]["weights"]["mountPath"]])


@pytest.mark.parametrize("service", SERVICES)
def test_it_says_what_it_is(service: str) -> None:
    """The labels that a registry shows and that do not change from build to build; the others come from build.sh."""
    text = stages_of(service)[-1].values("LABEL")[0]
    found = dict(re.findall(r'org\.opencontainers\.image\.([a-z.]+)="([^"]*)"', text))
    assert tuple(found) == LABELS
    assert all(found.values())
    assert service in found["title"]


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_copied_exists_and_reaches_the_builder(service: str) -> None:
    """Every source of a COPY is in the repository, and .dockerignore lets it through."""
    for source in (source for sources, _ in copies_of(service) for source in sources):
        found = [path.relative_to(REPOSITORY) for path in REPOSITORY.glob(source)]
        assert found, source
        inside = [path for start in found for path in [start, *_files(start)] if not is_ignored(path)]
        assert inside, source


def _files(start: Path) -> list[Path]:
    return [path.relative_to(REPOSITORY) for path in (REPOSITORY / start).rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "path",
    [
        *(".git/config", ".venv/bin/python", "build/bin/helm", "out/reply.mp4", ".env", "token-key"),
        *("docs/images/a.png", "examples/visitor.mp4", "tests/conftest.py", "protos/baseline.binpb"),
        *("wan_streamer/train/trainer.py", "wan_streamer/eval/judge.py", "wan_streamer/v1/unit_pb2.py"),
        "services/gateway/__pycache__/a.pyc",
    ],
)
def test_nothing_else_reaches_the_builder(path: str) -> None:
    """History, environments, generated code, outputs, what trains and keys that lie around are not sent to it."""
    assert is_ignored(Path(path))


def test_thinker_and_performer_share_their_layers() -> None:
    """Their Dockerfiles are the same up to the service itself, so that a node has torch once."""
    thinker, performer = (
        [(stage.origin, stage.instructions) for stage in stages_of(service)] for service in ("thinker", "performer")
    )
    assert thinker[:-1] == performer[:-1]
    own = ("COPY", "services/thinker /app/services/thinker")
    at = [(instruction.name, instruction.value) for instruction in thinker[-1][1]].index(own)
    assert thinker[-1][1][:at] == performer[-1][1][:at]
    assert not [instruction for instruction in thinker[-1][1][at:] if instruction.name == "RUN"]
