"""Checkpoints: what was written comes back; a full disk, a kill and damage leave the last good one."""

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from wan_streamer.errors import InvalidInput
from wan_streamer.train.checkpoint import load_newest, save_checkpoint

SMALL, LARGE = 10, 300_000

SAVES_FOREVER = """
import sys, torch
from pathlib import Path
from wan_streamer.train.checkpoint import save_checkpoint
step = 0
while True:
    step += 1
    save_checkpoint(Path(sys.argv[1]), step, {"step": step, "weights": torch.full((2_000_000,), float(step))})
    print(step, flush=True)
"""


def state(value: int, size: int = SMALL) -> dict[str, object]:
    return {"value": value, "weights": torch.full((size,), float(value))}


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """A real limit of the kernel: a write beyond it fails as on a full disk, in the middle."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_the_newest_comes_back_and_two_are_kept(tmp_path: Path) -> None:
    """Of four checkpoints the last two are there, and the newest is read."""
    for step in (1, 2, 9, 10):
        save_checkpoint(tmp_path, step, state(step))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000009.ckpt", "step-000000010.ckpt"]
    found = load_newest(tmp_path)
    assert found is not None
    step, read, complaints = found
    assert (step, read["value"], complaints) == (10, 10, [])
    assert torch.equal(read["weights"], torch.full((SMALL,), 10.0))


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    """A new run has no checkpoint and begins at the beginning."""
    assert load_newest(tmp_path / "none") is None


def test_a_full_disk_leaves_the_last_good_one(tmp_path: Path) -> None:
    """A write that fails half-way raises, leaves nothing half-done and keeps every older checkpoint."""
    save_checkpoint(tmp_path, 1, state(1))
    save_checkpoint(tmp_path, 2, state(2))
    with files_of_at_most(100_000), pytest.raises(OSError, match="File too large"):
        save_checkpoint(tmp_path, 3, state(3, LARGE))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000001.ckpt", "step-000000002.ckpt"]
    found = load_newest(tmp_path)
    assert found is not None
    assert found[0] == 2


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    """Whatever happened to the newest file, the one before it is taken and a sentence says so."""
    save_checkpoint(tmp_path, 1, state(1))
    newest = save_checkpoint(tmp_path, 2, state(2))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(
        {"truncated": bytes(content[: len(content) // 2]), "flipped": bytes(content), "empty": b""}[damage]
    )
    found = load_newest(tmp_path)
    assert found is not None
    assert (found[0], found[2]) == (1, ["step-000000002.ckpt is damaged; taking the one before it"])
    (tmp_path / "step-000000001.ckpt").write_bytes(b"also damaged")
    with pytest.raises(InvalidInput, match="got only damaged checkpoints"):
        load_newest(tmp_path)


def test_a_kill_in_mid_write_leaves_a_whole_one(tmp_path: Path) -> None:
    """A process that saves without end is killed several times; afterwards the newest checkpoint is always whole."""
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", SAVES_FOREVER, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        time.sleep(0.013)
        process.kill()
        process.wait()
        process.stdout.close()
        found = load_newest(tmp_path)
        assert found is not None
        step, read, _ = found
        assert read["step"] == step >= 2
        assert bool((read["weights"] == step).all())
        for path in tmp_path.glob("*.ckpt"):
            path.unlink()
