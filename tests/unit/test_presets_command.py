"""`wan-streamer presets`: what it prints, and what it says of mistakes."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from rich.console import Console

from wan_streamer.client import cli, module_command
from wan_streamer.client.defaults import PresetName
from wan_streamer.engine.gpu import GPUS
from wan_streamer.model.presets import PRESETS
from wan_streamer.train.presets_command import PresetsOptions, show_presets

COMMAND_LINE_WIDTH = 100


def printed(options: PresetsOptions, width: int = COMMAND_LINE_WIDTH) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        show_presets(options, console)
    return capture.get()


def test_client_knows_every_preset() -> None:
    """The names that the command line offers are those of the presets."""
    assert get_args(PresetName) == tuple(PRESETS)


def test_docs_hold_what_is_printed() -> None:
    """docs/model.md has the table as `wan-streamer presets` prints it."""
    lines = [line.rstrip() for line in printed(PresetsOptions()).splitlines()]
    table = "\n".join(line for line in lines if line)
    assert "…" not in table
    assert f"```\n{table}\n```" in Path("docs/model.md").read_text()


@pytest.mark.parametrize("width", [80, 60])
def test_a_narrow_terminal_gets_several_tables(width: int) -> None:
    """Every number whole, at the width that programs have which print into a pipe, and below."""
    wide, narrow = printed(PresetsOptions()), printed(PresetsOptions(), width=width)
    assert "…" not in narrow
    assert max(map(len, narrow.splitlines())) <= width
    assert all(word in narrow for word in wide.split() if word.isalnum() or any(map(str.isdigit, word)))


def test_json_has_plain_numbers() -> None:
    """Programs get bytes, operations and milliseconds; the floor of a process is the sum of its passes'."""
    (nano,) = json.loads(printed(PresetsOptions(names=("nano",), gpu="A100", json=True)))
    assert (nano["name"], nano["number_type"], nano["gpu"]) == ("nano", "float32", "A100 80GB SXM")
    assert nano["tokens"]["agent_video"] == 28
    assert nano["kv_minute_bytes"] == 375 * nano["kv_unit_bytes"]
    solver = [each for each in nano["passes"] if each["process"] == "performer"]
    assert nano["unit_flop"]["performer"] == sum(each["count"] * each["flop"] for each in solver)
    assert nano["floor_ms"]["performer"] == pytest.approx(sum(each["floor_ms"] for each in solver))


def test_mistakes_are_one_line() -> None:
    """A preset that is not known ends with code 2 and one line that says which are."""
    command = [sys.executable, "-m", "wan_streamer.train.presets_command", "huge"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 2
    assert ended.stderr.startswith("wan-streamer: got preset 'huge', expected one of nano, v0_1,")
    assert ended.stderr.count("\n") == 1


def test_without_torch_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The base install has no torch: one line names the extra that has it."""
    monkeypatch.setattr(module_command.importlib.util, "find_spec", lambda _name: None)
    assert cli.main(["presets"]) == cli.EXIT_ERROR
    assert "pip install 'wan-streamer[engine]'" in capsys.readouterr().err


def test_help_names_the_gpus(capsys: pytest.CaptureFixture[str]) -> None:
    """The help says what is printed, that nothing is measured, and every GPU that is known."""
    with pytest.raises(SystemExit):
        cli.main(["presets", "--help"])
    help_text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for words in ("[PRESET ...]", "nothing is measured", "--json", "docs/model.md", *(gpu.name for gpu in GPUS)):
        assert words in help_text
