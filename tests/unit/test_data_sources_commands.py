"""`wan-streamer data fetch` and `data voice` from the outside."""

import subprocess
import sys
from pathlib import Path


def run(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "wan_streamer.client.cli", "data", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_list_needs_no_network_and_makes_no_files(tmp_path: Path) -> None:
    """--list shows all sources with licences and says that nothing is there."""
    code, out, _ = run("fetch", "--list", "--cache", str(tmp_path / "cache"))
    assert code == 0
    assert "asterisk-core-sounds-en-g722 1.6.1-1, CC-BY-SA-3.0, 10.6 MB to fetch" in out
    assert not (tmp_path / "cache").exists()


def test_an_unknown_source_ends_with_one_line(tmp_path: Path) -> None:
    """Exit code 2 and what there is instead."""
    code, _, err = run("fetch", "nonsense", "--cache", str(tmp_path))
    assert code == 2
    assert err.startswith("wan-streamer: got source 'nonsense', expected some of agent-voice,")
    assert "Traceback" not in err


def test_a_missing_text_file_or_voice_ends_with_one_line(tmp_path: Path) -> None:
    """Exit code 2; with the train extra the text file is missed, without it the voice."""
    code, _, err = run("voice", "--text-file", str(tmp_path / "none.txt"), "--out", str(tmp_path / "out"))
    assert code == 2
    assert "none.txt" in err or "wan-streamer[train]" in err
    assert not (tmp_path / "out").exists()
