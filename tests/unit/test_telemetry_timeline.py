"""timeline.html: one page that needs nothing else."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from wan_streamer.errors import InvalidInput
from wan_streamer.telemetry.timeline import render_timeline, write_timeline
from wan_streamer.telemetry.units_file import UnitRow
from wan_streamer.unit import UNIT_US

ZERO_UNIX_US = 1_700_000_000_000_000
NASTY = '</script><script>alert(1)</script> <!-- /*SCRIPT*/ /*STYLE*/ "\\ \u2028 \u00e9'


class Page(HTMLParser):
    """Reads a page as a browser's parser would: elements, what they refer to, and the embedded data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.data = ""
        self._in_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        self._in_data = ("id", "data") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._in_data = False

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data += data

    @property
    def content(self) -> Any:
        return json.loads(self.data)


def row(unit_index: int, outcome: str = "ON_TIME") -> UnitRow:
    capture_start_unix_us = ZERO_UNIX_US + unit_index * UNIT_US
    skipped = outcome == "SKIPPED"
    return {
        "unit_index": unit_index, "trace_id": f"{unit_index + 1:032x}", "session_id": "s1", "generation": 1, "epoch": 1,
        "outcome": outcome, "skip_reason": "OVERLOADED" if skipped else "",
        "capture_start_unix_us": capture_start_unix_us, "deadline_unix_us": capture_start_unix_us + 360_000,
        "emitted_unix_us": 0 if skipped else capture_start_unix_us + 251_500,
        "model_latency_ms": None if skipped else 80.5, "capture_to_playout_ms": None if skipped else 470.25,
        "missed_playout": False, "audio_lost": False, "video_lost": False, "text": NASTY,
        "spans": [
            {"service": "gateway", "stage": "fill", "start_ms": unit_index * 160.0, "duration_ms": 160.0},
            {"service": "performer", "stage": "solve", "start_ms": unit_index * 160.0 + 180.125, "duration_ms": 40.0},
            {"service": "someone", "stage": "new", "start_ms": 1.0, "duration_ms": 2.0},
        ],
    }  # fmt: skip


def test_the_page_refers_to_nothing_outside_itself() -> None:
    """No element of the page, no style and no script loads anything: it opens from a disk without a network."""
    text = render_timeline([row(0), row(1)])
    page = Page(text)
    assert page.references == []
    assert not {"link", "img", "iframe", "base", "object", "embed"} & set(page.tags)
    assert page.tags.count("script") == 2
    without_data = text.replace(page.data, "")
    assert not re.search(r"https?:|//[a-z]|@import|url\(|fetch\(|XMLHttpRequest|import\(", without_data)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", without_data)
    assert "/*SCRIPT*/" not in without_data
    assert "/*STYLE*/" not in without_data


def test_the_page_holds_the_rows_whole() -> None:
    """What is in the units file can be read back from the page, hostile text included."""
    content = Page(render_timeline([row(3), row(4, "SKIPPED")])).content
    first, second = content["units"]
    assert first["text"] == NASTY
    assert (first["capture_ms"], first["deadline_ms"], first["emitted_ms"]) == (480.0, 840.0, 731.5)
    assert second["emitted_ms"] is None
    assert second["skip_reason"] == "OVERLOADED"
    spans = [first["spans"][place : place + 3] for place in range(0, len(first["spans"]), 3)]
    assert [[*content["stages"][number], start, duration] for number, start, duration in spans] == [
        ["gateway", "fill", 480.0, 160.0],
        ["performer", "solve", 660.125, 40.0],
        ["someone", "new", 1.0, 2.0],
    ]
    assert content["summary"]["skipped_count"] == 1


def test_services_stand_in_the_order_of_a_unit() -> None:
    """Lanes are client, gateway, thinker, performer, whatever came first; an unknown service comes last."""
    stages = Page(render_timeline([row(0)])).content["stages"]
    assert list(dict.fromkeys(service for service, _ in stages)) == [
        "client",
        "gateway",
        "thinker",
        "performer",
        "someone",
    ]


def test_thousands_of_units_stay_a_small_page() -> None:
    """A ten-minute run is a page of a few megabytes."""
    assert len(render_timeline([row(k) for k in range(4000)])) < 4_000_000


def test_a_file_becomes_a_page(tmp_path: Path) -> None:
    """A units file, also an empty one, is drawn; a broken one is refused."""
    units = tmp_path / "units.jsonl"
    units.write_text(json.dumps(row(0)) + "\n")
    write_timeline(units, tmp_path / "out" / "timeline.html")
    assert Page((tmp_path / "out" / "timeline.html").read_text()).content["units"][0]["unit_index"] == 0
    units.write_text("")
    write_timeline(units, tmp_path / "empty.html")
    assert Page((tmp_path / "empty.html").read_text()).content["units"] == []
    units.write_text("{cut")
    with pytest.raises(InvalidInput, match=r"units\.jsonl:1"):
        write_timeline(units, tmp_path / "broken.html")
