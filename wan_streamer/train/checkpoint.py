"""Checkpoints that survive a full disk and a kill in mid-write.

A checkpoint is written beside its place, synced and renamed, and only then is an older one removed; it ends with a
hash of itself, so one that is damaged later is known and the one before it is taken.
"""

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import torch

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.atomic import atomic_file

KEPT = 2
DIGEST_BYTES = hashlib.sha256().digest_size
NAME = re.compile(r"step-(\d{9})\.ckpt")


def save_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Writes the state after `step` steps and removes all but the newest two.

    Raises:
        OSError: it could not be written; the ones before are as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:09d}.ckpt"
    with atomic_file(path) as file:
        payload = io.BytesIO()
        torch.save(state, payload)
        file.write(payload.getbuffer())
        file.write(hashlib.sha256(payload.getbuffer()).digest())
    for _, old in _found(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def load_newest(folder: Path) -> tuple[int, dict[str, Any], list[str]] | None:
    """Step and state of the newest checkpoint that is whole, and a sentence for each damaged one; None without any.

    Raises:
        InvalidInput: CHECKPOINT_DAMAGED, there are checkpoints but none is whole.
    """
    complaints: list[str] = []
    for step, path in reversed(_found(folder)):
        state = _read(path)
        if state is not None:
            return step, state, complaints
        complaints.append(f"{path.name} is damaged; taking the one before it")
    if complaints:
        raise InvalidInput(
            f"got only damaged checkpoints in {folder}, expected a whole one; restore one, or delete the run folder "
            "to start anew",
            reason="CHECKPOINT_DAMAGED",
        )
    return None


def _found(folder: Path) -> list[tuple[int, Path]]:
    matches = ((NAME.fullmatch(path.name), path) for path in folder.glob("*.ckpt"))
    return sorted((int(match[1]), path) for match, path in matches if match)


def _read(path: Path) -> dict[str, Any] | None:
    content = path.read_bytes()
    payload, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest:
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return state
