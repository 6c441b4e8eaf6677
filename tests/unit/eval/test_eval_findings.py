"""What a validation makes of numbers."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from wan_streamer.eval.validation.finding import Finding, separation, share_within
from wan_streamer.eval.validation.run import show_findings, write_findings


def finding(value: float | None, bound: str = "at most") -> Finding:
    return Finding(judge="words", question="rate", bound=bound, limit=0.1, value=value, note="why")  # type: ignore[arg-type]


def test_limits_hold_to_both_sides() -> None:
    """At the limit passes, beyond it fails, no value is unavailable and never a pass."""
    assert [finding(value).state for value in (0.1, 0.11, None)] == ["pass", "fail", "unavailable"]
    assert [finding(value, "at least").state for value in (0.1, 0.09)] == ["pass", "fail"]


def test_shares_count_missing_answers_as_wrong() -> None:
    """An answer that is infinitely far is not within any limit."""
    assert share_within([0.0, -20.0, 21.0, float("inf")], 20) == 0.5


def test_separation_is_found_by_trying_every_threshold() -> None:
    """The best balanced share is that of a plain search; kinds that do not overlap are separated wholly."""
    random = np.random.default_rng(0)
    same, other = random.normal(1, 1, 60).tolist(), random.normal(0, 1, 200).tolist()
    best = max((np.mean([x >= t for x in same]) + np.mean([x < t for x in other])) / 2 for t in (*same, *other))
    share, threshold = separation(same, other)
    assert share == pytest.approx(best)
    assert np.mean([x >= threshold for x in same]) + np.mean([x < threshold for x in other]) == pytest.approx(2 * best)
    assert separation([0.8, 0.9], [0.1, 0.2])[0] == 1


def test_findings_are_printed_and_written(tmp_path: Path) -> None:
    """Table and file hold the state and the note of each."""
    out = io.StringIO()
    show_findings([finding(0.05), finding(None)], Console(file=out, width=200))
    assert "pass" in out.getvalue()
    assert "unavailable" in out.getvalue()
    write_findings([finding(0.05), finding(None)], tmp_path / "findings.json")
    rows = json.loads((tmp_path / "findings.json").read_text())
    assert [row["state"] for row in rows] == ["pass", "unavailable"]
    assert rows[1]["note"] == "why"
