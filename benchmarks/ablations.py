"""What the parts of the system are worth: evaluations of several models, or of one with several settings, side by side.

    .venv/bin/python benchmarks/ablations.py "2 steps=eval" "4 steps=eval-4" "lag 1=eval-lag-1"

prints a Markdown table of the model's rows in the evaluation.json of each folder (`wan-streamer eval converse`). What
has to be trained for a comparison are recipes here, stage 2 in short and the same but for one thing:

    .venv/bin/python -m wan_streamer.train benchmarks.ablations:stage_2 --initial-weights WEIGHTS --data DIR --out RUN
    .venv/bin/python -m wan_streamer.train benchmarks.ablations:lag_1 --initial-weights WEIGHTS --data DIR --out RUN
    .venv/bin/python -m wan_streamer.train benchmarks.ablations:stage_2 --data DIR --out RUN     # without stage 1
"""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import tyro
from tyro.conf import Positional, arg

from wan_streamer.train.model_recipe import ModelRecipe
from wan_streamer.train.recipes import stage_2_nano

STEPS = 200
SYSTEM = "model"


def stage_2() -> ModelRecipe:
    """nano's second stage in short."""
    return dataclasses.replace(stage_2_nano(), name="ablation-stage-2", steps=STEPS)


def lag_1() -> ModelRecipe:
    """The same for a state pass that is one unit late (docs/architecture.md)."""
    recipe = stage_2()
    return dataclasses.replace(recipe, name="ablation-lag-1", model=dataclasses.replace(recipe.model, lag=1))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Which evaluations."""

    evaluations: Annotated[Positional[tuple[str, ...]], arg(metavar="NAME=DIR")]
    """Folders of evaluations, each with what its column is called."""


def table(columns: dict[str, list[dict[str, Any]]]) -> str:
    """The Markdown table.

    Args:
        columns: by name the "rows" of an evaluation.json.
    """
    titles = dict.fromkeys(row["title"] for rows in columns.values() for row in rows)
    found = {name: {row["title"]: row["systems"][SYSTEM] for row in rows} for name, rows in columns.items()}
    lines = [f"| measure | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    lines += [f"| {title} | {' | '.join(_cell(rows.get(title, {})) for rows in found.values())} |" for title in titles]
    return "\n".join(lines)


def _cell(result: dict[str, Any]) -> str:
    if "value" not in result:
        return str(result.get("reason", ""))
    bounds = f"{result['low']:.2f} to {result['high']:.2f}, " if result["low"] is not None else ""
    return f"{result['value']:.2f} ({bounds}{result['counted']} {result['count']})"


def main(options: Options) -> None:
    """Prints the table."""
    columns = {}
    for named in options.evaluations:
        name, equals, folder = named.partition("=")
        path = Path(folder) / "evaluation.json"
        if not equals or not path.is_file():
            raise SystemExit(
                f"got {named!r}, expected NAME=DIR with the folder of a finished `wan-streamer eval converse`"
            )
        columns[name] = json.loads(path.read_text("utf-8"))["rows"]
    print(table(columns))


if __name__ == "__main__":
    main(tyro.cli(Options))
