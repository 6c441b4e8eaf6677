"""What a table says of where it comes from."""

import hashlib
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import torch

from wan_streamer.model.codec_weights import TrainedCodec
from wan_streamer.train.manifest import DATA_SET_MANIFEST
from wan_streamer.train.run_folder import describe_hardware


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A file of weights by its hash, and what it says of itself."""

    file: str
    sha256: str
    metadata: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that another needs to make the table again.

    Attributes:
        data_sha256: of the data set's manifest, "" without one.
    """

    command: str
    seed: int
    date: str
    hardware: str
    torch: str
    pyav: str
    weights: tuple[Weights, ...]
    data: str
    data_sha256: str

    def markdown(self) -> str:
        """A line for each."""
        files = [
            f"{one.file}: sha256 {one.sha256[:16]}, {one.metadata.get('recipe_name', 'no recipe')}, "
            f"{one.metadata.get('steps', '?')} steps, {one.metadata.get('date', 'no date')}"
            for one in self.weights
        ]
        data = [f"{self.data}: manifest's sha256 {self.data_sha256[:16]}"] if self.data else []
        software = f"{self.date}, {self.hardware}, torch {self.torch}, PyAV {self.pyav}, seed {self.seed}"
        return "\n".join(f"- {line}" for line in (f"`{self.command}`", software, *files, *data))


def describe_weights(path: Path, trained: TrainedCodec) -> Weights:
    """The file that a codec was loaded from."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Weights(file=path.name, sha256=digest, metadata=trained.metadata)


def gather_evidence(weights: tuple[Weights, ...], data: Path | None, seed: int) -> Evidence:
    """Of this process; folders by their names alone.

    Args:
        data: folder of the data set.
    """
    manifest = data / DATA_SET_MANIFEST if data else None
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return Evidence(
        command=shlex.join(["python", "-m", "wan_streamer.eval.codec", *words]),
        seed=seed,
        date=datetime.now(UTC).date().isoformat(),
        hardware=describe_hardware(torch.device("cpu")),
        torch=str(torch.__version__),
        pyav=av.__version__,
        weights=weights,
        data=data.resolve().name if data else "",
        data_sha256=hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest else "",
    )
