"""The GPU check without a GPU: each part runs at small size, and docs/gpu.md is what the generator prints."""

import json
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.support.tiny import tiny_config
from wan_streamer.engine.captured import Eager

BENCHMARKS = Path("benchmarks").resolve()
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_docs_are_what_is_generated() -> None:
    """docs/gpu.md is the generator's output for the results that lie there, or for none."""
    from gpu_report import RESULT, render

    result = json.loads(RESULT.read_text()) if RESULT.is_file() else None
    assert Path("docs/gpu.md").read_text() == render(result)


def test_every_part_runs_and_is_reported(tmp_path: Path) -> None:
    """The parts of the check at small size on a processor give what the report shows, and what fails is left out by
    name without losing the rest."""
    from gpu_agreement import measure_agreement
    from gpu_check import Check
    from gpu_limits import measure_attention, measure_limits
    from gpu_report import render
    from gpu_stages import measure_preset

    config = tiny_config(lag=1)
    check = Check(tmp_path / "gpu.json", limit_s=600)
    check.result |= {"gpu": "a processor", "machine": "this", "torch": torch.__version__}
    check.part("agreement", lambda: measure_agreement(config, CPU), check.result)
    check.part("limits", lambda: measure_limits(CPU, size=64), check.result)
    check.part("attention", lambda: measure_attention(config, CPU), check.result)
    check.part("broken", lambda: 1 / 0, check.result["presets"])
    check.part(
        "v0_1",
        lambda: measure_preset(
            config, CPU, "bfloat16", Eager(CPU), units=6, until_s=time.monotonic() + 600, ceiling_tflop_per_s=1.0
        ),
        check.result["presets"],
    )
    check.end_s = 0
    check.part("late", lambda: 1, check.result["presets"])
    saved = json.loads((tmp_path / "gpu.json").read_text())
    assert saved["left_out"] == ["broken: ZeroDivisionError: division by zero", "late: no time was left"]
    assert saved["agreement"]["graph to eager"]["difference"] == 0
    assert all(each["agrees"] for each in saved["agreement"].values())
    measured = saved["presets"]["v0_1"]
    assert measured["units"] == 6
    stages = measured["stages_ms"]
    assert stages["performer"]["p50"] >= stages["solve"]["p50"] > 0
    text = render(saved)
    assert "- late: no time was left" in text
    assert f"| solve | {stages['solve']['p50']:.1f} / {stages['solve']['p99']:.1f} |" in text
    assert "Target: v0_1, performer" in text


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No GPU: one line, another exit code than a failure's, and no results."""
    if torch.cuda.is_available():
        pytest.skip("needs a machine without a CUDA GPU")
    import gpu_check

    monkeypatch.setattr(sys, "argv", ["gpu_check.py"])
    assert gpu_check.main() == gpu_check.NO_GPU
    assert "needs a CUDA GPU" in capsys.readouterr().out
