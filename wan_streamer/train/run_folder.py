"""A run's folder: all that is needed to repeat it, and all that it left.

run.json (recipe, command, data manifest hash, software, hardware, date), data.json (the manifest), metrics.jsonl,
checkpoints/, weights.safetensors.
"""

import dataclasses
import json
import os
import platform
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.manifest import DataManifest
from wan_streamer.train.recipes import AnyRecipe

# What may differ when a run goes on: how long it lasts and what it prints.
CHANGEABLE = frozenset({"steps", "log_every_steps", "validate_every_steps"})


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    @property
    def _run_file(self) -> Path:
        return self.path / "run.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    def check(self, recipe: AnyRecipe, manifest: DataManifest) -> None:
        """Whether a run of this folder, if there is one, may go on with this recipe and data.

        Raises:
            InvalidInput: RUN_DIFFERS, it began with others, so that going on would be no repetition of anything.
        """
        if not self._run_file.is_file():
            return
        before = json.loads(self._run_file.read_text())
        now = _recipe_json(recipe)
        differing = sorted(
            name
            for name in before["recipe"].keys() | now.keys()
            if name not in CHANGEABLE and before["recipe"].get(name) != now.get(name)
        )
        if before["data_sha256"] != manifest.sha256:
            differing.append("data")
        if differing:
            raise InvalidInput(
                f"got a run that differs in {', '.join(differing)} from the one in {self.path}, expected the same; "
                "name another --out folder, or go on with what that run began with (run.json)",
                reason="RUN_DIFFERS",
            )

    def describe(self, recipe: AnyRecipe, manifest: DataManifest, command: str, device: torch.device) -> None:
        """Writes run.json and data.json."""
        self.path.mkdir(parents=True, exist_ok=True)
        content = {"recipe": _recipe_json(recipe), **provenance(recipe, manifest, command, device)}
        replace_file(self._run_file, json.dumps(content, indent=1).encode())
        replace_file(self.path / "data.json", manifest.to_json().encode())

    def forget_metrics_after(self, step: int) -> None:
        """Removes the rows of steps that will be done again."""
        if not self.metrics.is_file():
            return
        rows = self.metrics.read_text().splitlines(keepends=True)
        # A kill may have cut the last row off.
        kept = [row for row in rows if row.endswith("\n") and json.loads(row)["step"] <= step]
        replace_file(self.metrics, "".join(kept).encode())

    def add_metrics(self, row: dict[str, Any]) -> None:
        """Adds a row to metrics.jsonl."""
        with self.metrics.open("a") as file:
            file.write(json.dumps(row) + "\n")


def provenance(recipe: AnyRecipe, manifest: DataManifest, command: str, device: torch.device) -> dict[str, str]:
    """What shipped weights say of where they come from."""
    return {
        "recipe_name": recipe.name,
        "command": command,
        "seed": str(recipe.seed),
        "data_sha256": manifest.sha256,
        "hardware": describe_hardware(device),
        "torch": str(torch.__version__),
        "date": datetime.now(UTC).date().isoformat(),
    }


def command_line() -> str:
    """How this process was started, so that another machine can do it again: folders by their names alone."""
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return shlex.join(["python", "-m", "wan_streamer.train", *words])


def describe_hardware(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    models = [line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def _recipe_json(recipe: AnyRecipe) -> dict[str, Any]:
    """As it looks after a round trip through JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return plain
