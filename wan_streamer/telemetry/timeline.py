"""timeline.html: one self-contained page that draws every unit of a run and its stages on all services."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from wan_streamer.telemetry.summary import STAGES, stage_order, summarize
from wan_streamer.telemetry.targets import CAPTURE_TO_PLAYOUT_TARGET_MS, MODEL_LATENCY_TARGET_MS
from wan_streamer.telemetry.units_file import UnitRow, read_units_file
from wan_streamer.unit import UNIT_MS, unit_start_us

_PAGE = resources.files("wan_streamer.telemetry") / "timeline_page"
_SCRIPTS = ("model.js", "strip.js", "gantt.js", "plot.js", "panels.js", "main.js")


def write_timeline(units_jsonl: Path, out_html: Path) -> None:
    """Draws a units file as a page that needs nothing else: it opens from a disk, without a server or a network.

    Raises:
        InvalidInput: the units file is broken.
    """
    page = render_timeline(read_units_file(units_jsonl))
    out_html.parent.mkdir(parents=True, exist_ok=True)
    out_html.write_text(page, encoding="utf-8")


def render_timeline(rows: Sequence[UnitRow]) -> str:
    """The page for the rows of a units file, as HTML text."""
    page = _PAGE.joinpath("page.html").read_text(encoding="utf-8")
    style = _PAGE.joinpath("page.css").read_text(encoding="utf-8")
    script = "\n".join(_PAGE.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)
    # "<" escaped: what an agent says can never close the element that holds the data.
    data = json.dumps(_page_data(rows), ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace(
        "<", "\\u003c"
    )
    # The data goes in last, so that no text in it is taken for a slot.
    return page.replace("/*STYLE*/", style).replace("/*SCRIPT*/", script).replace("/*DATA*/", data)


def _page_data(rows: Sequence[UnitRow]) -> dict[str, Any]:
    stages = sorted(
        {(service, stage) for service, names in STAGES.items() for stage in names}
        | {(span["service"], span["stage"]) for row in rows for span in row["spans"]},
        key=lambda key: stage_order(*key),
    )
    number_of = {stage: number for number, stage in enumerate(stages)}
    return {
        "unit_ms": UNIT_MS,
        "model_latency_target_ms": MODEL_LATENCY_TARGET_MS,
        "capture_to_playout_target_ms": CAPTURE_TO_PLAYOUT_TARGET_MS,
        "stages": stages,
        "summary": asdict(summarize(rows)),
        "units": [_page_unit(row, rows[0], number_of) for row in rows],
    }


def _page_unit(row: UnitRow, first: UnitRow, number_of: dict[tuple[str, str], int]) -> dict[str, Any]:
    zero_unix_us = first["capture_start_unix_us"] - unit_start_us(first["unit_index"])
    # 18 stages for each of thousands of units: a flat list of stage, start, duration, stage, ... keeps the page small.
    flat: list[float] = []
    for span in row["spans"]:
        flat += (number_of[span["service"], span["stage"]], span["start_ms"], span["duration_ms"])
    emitted_unix_us = row["emitted_unix_us"]
    return {
        **{key: value for key, value in row.items() if not key.endswith("_unix_us")},
        "capture_ms": (row["capture_start_unix_us"] - zero_unix_us) / 1000,
        "deadline_ms": (row["deadline_unix_us"] - zero_unix_us) / 1000,
        "emitted_ms": (emitted_unix_us - zero_unix_us) / 1000 if emitted_unix_us else None,
        "spans": flat,
    }
