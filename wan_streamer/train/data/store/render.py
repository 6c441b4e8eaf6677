"""Makes a data set: scripts drawn, conversations made by several processes, shards written one after the other."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.agent import Agent
from wan_streamer.train.data.make import ConversationMaker
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.workers import workers
from wan_streamer.train.data.store.data_set import ShardEntry, shard_entry
from wan_streamer.train.data.store.row import USER_BIT_RATE, to_row
from wan_streamer.train.data.store.shard import Shard, write_shard


@dataclass(frozen=True)
class Made:
    """A script's row, or why it could not be made."""

    name: str
    row: dict[str, Any] | None
    complaint: str = ""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What a run has made.

    Attributes:
        left_out: name and reason of each script that could not be made.
        new_unit_count: units that were made now, not found.
    """

    entries: tuple[ShardEntry, ...]
    left_out: dict[str, str]
    new_unit_count: int


def render(
    scripts: Sequence[Script],
    folder: Path,
    cache: DataCache,
    agent: Agent,
    *,
    user_bit_rate: int = USER_BIT_RATE,
    per_shard: int,
    processes: int,
    console: Console,
) -> Rendered:
    """Makes what is not there yet; an interrupted run goes on with the shard that it was in.

    Raises:
        InvalidInput: a voice or sound is not fetched; a shard that is there holds other scripts.
        OSError: a shard cannot be written; those before it are whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[ShardEntry] = []
    left_out: dict[str, str] = {}
    new_units = 0
    with _progress(console, len(scripts)) as advance, workers(processes, _open_maker, (cache.root, agent)) as pool:
        for number, first in enumerate(range(0, len(scripts), per_shard)):
            chosen, path = scripts[first : first + per_shard], folder / f"shard-{number:05d}.parquet"
            if path.is_file():
                _check_names(path, chosen)
                advance(len(chosen))
            else:
                write_shard(path, _rows(pool, user_bit_rate, chosen, left_out, advance))
                new_units += sum(shard_entry(path).unit_counts)
            entries.append(shard_entry(path))
    return Rendered(entries=tuple(entries), left_out=left_out, new_unit_count=new_units)


def _rows(
    pool: Pool,
    user_bit_rate: int,
    scripts: Sequence[Script],
    left_out: dict[str, str],
    advance: Callable[[int], None],
) -> Iterator[dict[str, Any]]:
    for made in pool.imap(functools.partial(_make_row, user_bit_rate), scripts):
        advance(1)
        if made.row is None:
            left_out[made.name] = made.complaint
        else:
            yield made.row


def _check_names(path: Path, scripts: Sequence[Script]) -> None:
    """A shard of an earlier run: its scripts are these, but for those that could not be made."""
    unknown = set(Shard(path).names()) - {script.name for script in scripts}
    if unknown:
        raise InvalidInput(
            f"got {path} with {sorted(unknown)[0]}, which this command would not draw; name another --out, or delete "
            "the folder",
            reason="DATA_SET",
        )


_maker: ConversationMaker | None = None


def _open_maker(root: Path, agent: Agent) -> None:
    """Each process has its own voices."""
    global _maker  # a pool's processes have no other place for what they keep
    _maker = ConversationMaker(DataCache(root), agent)


def _make_row(user_bit_rate: int, script: Script) -> Made:
    assert _maker is not None
    try:
        return Made(script.name, to_row(_maker.make(script), user_bit_rate=user_bit_rate))
    except InvalidInput as error:
        if error.reason != "SCRIPT":
            raise
        # Words turned out longer or shorter than the script had room for.
        return Made(script.name, None, str(error))


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("making conversations"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)
