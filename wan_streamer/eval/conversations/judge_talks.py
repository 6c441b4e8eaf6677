"""Lets the judges hear and see every talk, in several processes; what they say is kept beside the talks."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from wan_streamer.eval.bar import progress_bar
from wan_streamer.eval.conversations.listen import Listener, open_listener
from wan_streamer.eval.conversations.look import Onlooker
from wan_streamer.eval.conversations.talk_folder import TalkFolder
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.workers import workers


def judge_talks(heard: Sequence[Path], looked: Sequence[Path], cache: Path, processes: int, console: Console) -> None:
    """Fills the files of what is heard and seen.

    Args:
        heard, looked: folders of talks that are listened to, and of those that are looked at too.

    Raises:
        InvalidInput: a talk is damaged, or speech cannot be found or faces not be seen here.
        OSError: a file cannot be read or written.
    """
    jobs = [(path, path in set(looked)) for path in heard]
    with progress_bar(console, "judging", len(jobs)) as advance, workers(processes, _open, (cache,)) as pool:
        for _ in pool.imap_unordered(_judge, jobs):
            advance()


_judges: tuple[Listener, Onlooker] | None = None


def _open(cache: Path) -> None:
    """Each process has its own judges."""
    global _judges  # a pool's processes have no other place for what they keep
    _judges = open_listener(DataCache(cache)), Onlooker(DataCache(cache))


def _judge(job: tuple[Path, bool]) -> None:
    assert _judges is not None
    listener, onlooker = _judges
    path, is_looked_at = job
    heard = listener.listen(TalkFolder(path))
    if is_looked_at:
        onlooker.look(TalkFolder(path), heard)
