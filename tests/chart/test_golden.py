"""Renders of all example values, reviewed as YAML in the repository."""

import difflib
import os
from pathlib import Path

import pytest

from tests.chart.helm import CI_VALUES, Helm, ci_values

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", CI_VALUES)
def test_the_render_is_the_reviewed_one(helm: Helm, name: str) -> None:
    """A change of any object is seen in the diff of a golden file; UPDATE_GOLDEN=1 rewrites them."""
    path = GOLDEN / f"{name}.yaml"
    text = helm.text(ci_values(name))
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    golden = path.read_text()
    diff = "\n".join(difflib.unified_diff(golden.splitlines(), text.splitlines(), "golden", "render", lineterm=""))
    assert not diff, f"{diff}\n\nif this is meant: UPDATE_GOLDEN=1 make test-chart, then review the diff"


def test_no_golden_file_is_left_over() -> None:
    """Every golden file belongs to example values."""
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(CI_VALUES)
