"""What a disk must have free before a node of tests is made."""

import shutil
from pathlib import Path

import pytest

from scripts.cluster.node import IMAGES, IMAGES_GB, missing_room


@pytest.mark.parametrize("free_gb", [IMAGES_GB - 1, IMAGES_GB])
def test_a_full_disk_is_said_before_anything_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_gb: int
) -> None:
    """One gigabyte too few is refused, with what is there and what is wanted; a folder that is not there yet counts for
    the disk that it will be on."""
    usage = shutil.disk_usage(tmp_path)._replace(free=free_gb * 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage if path == tmp_path else None)
    expected = f"got {free_gb} GB free at {tmp_path}, expected {IMAGES_GB}; free some" if free_gb < IMAGES_GB else ""
    assert missing_room(tmp_path / "deep" / "node") == expected


def test_images_of_a_node_that_was_here_need_no_more_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are linked, not copied again."""
    (tmp_path / IMAGES).mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: None)
    assert missing_room(tmp_path) == ""
