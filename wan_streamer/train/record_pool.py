"""Records of conversations, made by several processes: those that are not there yet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.sources.workers import workers
from wan_streamer.train.encoded_set import path_of, start_index, write_records


class RecordMaker(Protocol):
    """Makes a set's records, in a process of its own."""

    def records(self, number: int) -> NDArray[Any]:
        """A record for each unit of a conversation."""


_maker: RecordMaker | None = None
_folder: Path | None = None


def make_missing(
    folder: Path,
    about: dict[str, Any],
    make: Callable[[], RecordMaker],
    *,
    processes: int,
    doing: str,
    console: Console,
) -> None:
    """Writes the files of conversations that a folder has not, with a progress bar, and says how large it is.

    Args:
        about: what the set is, its `count` among it; written first.
        make: called once in each process; must be picklable.
        doing: what the progress bar calls it.

    Raises:
        InvalidInput: `processes` is below 1, the folder holds another set, or a maker raised it.
        OSError: a file cannot be written; those before it are whole.
    """
    if processes < 1:
        raise InvalidInput("got --processes below 1, expected 1 or more", reason="COUNT")
    start_index(folder, about)
    count = about["count"]
    missing = [number for number in range(count) if not path_of(folder, number).is_file()]
    with workers(processes, _open_maker, (folder, make)) as pool:
        done = pool.imap_unordered(_make_one, missing)
        for _ in track(done, total=len(missing), description=doing, console=console, disable=not console.is_terminal):
            pass
    size = sum(path_of(folder, number).stat().st_size for number in range(count))
    console.print(
        f"{folder}: {count} conversations, {size / 1e6:.1f} MB", highlight=False, markup=False, soft_wrap=True
    )


def _open_maker(folder: Path, make: Callable[[], RecordMaker]) -> None:
    """Each process has its own model."""
    global _maker, _folder  # a pool's processes have no other place for what they keep
    torch.set_num_threads(1)
    _maker, _folder = make(), folder


def _make_one(number: int) -> None:
    assert _maker is not None
    assert _folder is not None
    write_records(path_of(_folder, number), _maker.records(number))
