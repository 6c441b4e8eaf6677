"""Reads the images' Dockerfiles and what .dockerignore leaves of the repository."""

import fnmatch
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
SERVICES: Final = ("gateway", "thinker", "performer")


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction of a Dockerfile, its continued lines as one."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What follows a FROM; `name` is empty for the last, which is the image."""

    origin: str
    name: str
    instructions: tuple[Instruction, ...]

    def values(self, name: str) -> list[str]:
        """The values of all instructions of a name."""
        return [instruction.value for instruction in self.instructions if instruction.name == name]


def text_of(service: str) -> str:
    """The Dockerfile of a service."""
    return (REPOSITORY / "images" / f"{service}.Dockerfile").read_text()


def instructions_of(text: str) -> list[Instruction]:
    """All instructions; comments and empty lines are left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        Instruction(name=name, value=value) for name, value in (line.split(maxsplit=1) for line in joined.split("\n"))
    ]


def stages_of(service: str) -> list[Stage]:
    """The stages in order."""
    found: list[tuple[str, list[Instruction]]] = []
    for instruction in instructions_of(text_of(service)):
        if instruction.name == "FROM":
            found.append((instruction.value, []))
        elif found:
            found[-1][1].append(instruction)
    named = [(*origin.partition(" AS "), body) for origin, body in found]
    return [Stage(origin=origin, name=name, instructions=tuple(body)) for origin, _, name, body in named]


def is_ignored(path: Path) -> bool:
    """Whether .dockerignore keeps this path of the repository from the builder: the last rule that fits decides."""
    ignored = False
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        rule = line.removeprefix("!")
        if line and not line.startswith("#") and _fits(path, rule):
            ignored = rule == line
    return ignored


def _fits(path: Path, rule: str) -> bool:
    """A rule is for the path or one of the folders that it is in; `*` stays within one name."""
    parts = path.parts
    if rule.startswith("**/"):
        return any(fnmatch.fnmatchcase(part, rule[3:]) for part in parts)
    wanted = rule.split("/")
    return len(parts) >= len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def copies_of(service: str) -> list[tuple[list[str], str]]:
    """Sources and destination of each COPY from the repository."""
    values = [value.split() for stage in stages_of(service) for value in stage.values("COPY")]
    return [(words[:-1], words[-1]) for words in values if not words[0].startswith("--from=")]


def copy_application(service: str, root: Path) -> None:
    """Puts into `root` what a service's Dockerfile puts into /app, without what .dockerignore leaves out."""
    for sources, destination in copies_of(service):
        if not destination.startswith("/app"):
            continue
        for path in (found for source in sources for found in REPOSITORY.glob(source)):
            name = path.name if destination.endswith("/") else ""
            _copy(path, root / destination.removeprefix("/app").lstrip("/") / name)


def _copy(source: Path, target: Path) -> None:
    for path in [source, *source.rglob("*")]:
        if path.is_file() and not is_ignored(path.relative_to(REPOSITORY)):
            place = target / path.relative_to(source) if path != source else target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
