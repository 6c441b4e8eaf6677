"""What a table says of where it comes from."""

import hashlib
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import torch

from wan_streamer.train.manifest import DATA_SET_MANIFEST
from wan_streamer.train.run_folder import describe_hardware


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A file of weights by its hash, and what it says of itself."""

    file: str
    sha256: str
    metadata: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class JudgedData:
    """A data set by its manifest's hash, and the splits that it was drawn from."""

    name: str
    sha256: str
    splits: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that another needs to make the table again."""

    command: str
    seed: int
    date: str
    hardware: str
    torch: str
    pyav: str
    weights: tuple[Weights, ...]
    data: tuple[JudgedData, ...]

    def markdown(self) -> str:
        """A line for each."""
        files = [
            f"{one.file}: sha256 {one.sha256[:16]}, {one.metadata.get('recipe_name', 'no recipe')}, "
            f"{one.metadata.get('steps', '?')} steps, {one.metadata.get('date', 'no date')}"
            for one in self.weights
        ]
        data = [
            f"{one.name}: manifest's sha256 {one.sha256[:16]}"
            + "".join(f", {axis} {split}" for axis, split in one.splits.items())
            for one in self.data
        ]
        software = f"{self.date}, {self.hardware}, torch {self.torch}, PyAV {self.pyav}, seed {self.seed}"
        return "\n".join(f"- {line}" for line in (f"`{self.command}`", software, *files, *data))


def describe_weights(path: Path, metadata: dict[str, str]) -> Weights:
    """A file of weights.

    Args:
        metadata: what it says of itself.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Weights(file=path.name, sha256=digest, metadata=metadata)


def describe_data(folder: Path) -> JudgedData:
    """A data set by its folder, which has a manifest."""
    manifest = (folder / DATA_SET_MANIFEST).read_bytes()
    return JudgedData(
        name=folder.resolve().name,
        sha256=hashlib.sha256(manifest).hexdigest(),
        splits=json.loads(manifest).get("splits", {}),
    )


def gather_evidence(module: str, weights: Sequence[Weights], data: Sequence[Path], seed: int) -> Evidence:
    """Of this process; folders by their names alone.

    Args:
        module: what was started.
        data: folders of data sets.
    """
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return Evidence(
        command=shlex.join(["python", "-m", module, *words]),
        seed=seed,
        date=datetime.now(UTC).date().isoformat(),
        hardware=describe_hardware(torch.device("cpu")),
        torch=str(torch.__version__),
        pyav=av.__version__,
        weights=tuple(weights),
        data=tuple(map(describe_data, data)),
    )
