"""The command line: help, errors in one line, the doctor."""

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from wan_streamer.client import cli, doctor
from wan_streamer.client.doctor import Finding, Level
from wan_streamer.client.report import weights_sentence


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        code = cli.main(list(arguments))
    except SystemExit as ended:
        code = int(ended.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_alone_it_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`wan-streamer` without arguments lists every subcommand and fails in nothing."""
    code, out, _ = run(capsys)
    assert code == 0
    for name in ("run", "serve", "talk", "doctor", "train", "codec", "version"):
        assert f"• {name}" in out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run", ["reply.mp4", "--out", "-o", "--preset", "--seed", "--buffer-ms", "Media file that plays the visitor"]),
        ("serve", ["--port", "50051", "--metrics-port", "Prometheus"]),
        ("talk", ["--server HOST:PORT", "--trace-dir", "serve"]),
        ("doctor", ["Check this machine"]),
        ("train", ["audio-codec-nano", "--data", "--out", "-o", "--minutes", "Ctrl-C saves"]),
        ("codec", ["--audio-weights", "--video-weights", "--only", "recognisable"]),
        ("version", ["Print the version"]),
    ],
)
def test_every_subcommand_explains_itself(capsys: pytest.CaptureFixture[str], command: str, words: list[str]) -> None:
    """The help of each subcommand says what it does and what each option means."""
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    for word in words:
        assert word in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["talk", "/no/such/file.mp4"], "check the path"),
        (["talk", "x.mp4", "--server", "nowhere"], "expected HOST:PORT"),
        (["run", "x.mp4", "--buffer-ms", "-1"], "expected 0 to 10000"),
        (["run", "x.mp4", "--preset", "giant"], "got the preset 'giant', expected one of nano, v0_1"),
        (["serve", "--preset", "none.safetensors"], "or weights that lie there"),
    ],
)
def test_errors_are_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], words: str
) -> None:
    """A user's mistake gives one line that says what to do, exit code 2 and no traceback."""
    out = ["-o", str(tmp_path / "out")]
    code, _, err = run(capsys, *arguments, *out)
    assert code == 2
    assert words in err
    assert err.startswith("wan-streamer: ")
    assert err.count("\n") == 1


def test_debug_adds_the_traceback(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """With --debug the same error comes with its traceback."""
    code, _, err = run(capsys, "talk", "/no/such/file.mp4", "--debug", "-o", str(tmp_path / "out"))
    assert code == 2
    assert "Traceback" in err


def test_nobody_at_the_address_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without a gateway at the address, talk says how to start one."""
    clip = Path(__file__).parents[2] / "examples" / "visitor.mp4"
    code, _, err = run(capsys, "talk", str(clip), "--server", "127.0.0.1:1", "-o", str(tmp_path / "out"))
    assert code == 2
    assert "wan-streamer serve" in err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is that of the installed package."""
    assert run(capsys, "version")[:2] == (0, "wan-streamer 0.1.0\n")


def test_doctor_looks_at_everything(tmp_path: Path) -> None:
    """Each check gives one finding, and what is not good comes with what to do."""
    findings = list(doctor.examine(tmp_path / "not" / "yet"))
    names = ["Python", "FFmpeg", "torch", "cores", "memory", "disk", "port", "GPU", "clock"]
    assert [finding.name for finding in findings] == names
    assert findings[0].level is Level.OK
    assert "libx264" in findings[1].found
    assert all(finding.advice for finding in findings if finding.level is not Level.OK)


def test_doctor_fails_only_for_what_stops_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning leaves the verdict good, a failure does not; levels and advice are printed."""
    warning = Finding(Level.WARN, "cores", "1", "use more")
    failure = Finding(Level.FAIL, "disk", "[full]", "make room")
    assert doctor.show(Console(), iter([warning]))
    assert not doctor.show(Console(), iter([warning, failure]))
    printed = capsys.readouterr().out
    for words in ("WARN cores", "-> use more", "FAIL disk", "[full]", "-> make room"):
        assert words in printed


def test_the_client_runs_without_torch() -> None:
    """Importing the SDK and the command line does not import torch."""
    code = "import sys, wan_streamer.client, wan_streamer.client.cli; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_untrained_weights_are_said_in_one_sentence() -> None:
    """The sentence comes for untrained weights and only for them."""
    assert weights_sentence("nano, untrained (seed 0)").count(". ") == 0
    assert "nano, untrained (seed 0)" in weights_sentence("nano, untrained (seed 0)")
    assert weights_sentence("nano, trained 2027") == ""
