"""What `wan-streamer eval list` and `eval setup` do."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from wan_streamer.eval.judge import Judge, Unavailable
from wan_streamer.eval.mediapipe_environment import make_mediapipe, mediapipe_folder
from wan_streamer.eval.models import model_recipes
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.fetch import fetch_sources


def show_judges(judges: Sequence[Judge], console: Console) -> None:
    """A table: judge, what it measures, available or why not."""
    table = Table("judge", "measures", "state")
    for judge in judges:
        found = judge.availability()
        state = f"unavailable: {found.reason}" if isinstance(found, Unavailable) else "available"
        table.add_row(judge.name, judge.measures, escape(state))
    console.print(table)


def set_up(cache: DataCache, console: Console) -> None:
    """Fetches the models and makes MediaPipe's environment; what is there stays.

    Raises:
        InvalidInput: something cannot be fetched or installed.
    """
    fetch_sources(model_recipes(), cache, console)
    folder = mediapipe_folder(cache)
    with console.status("installing MediaPipe into an environment of its own"):
        make_mediapipe(folder)
    console.print(f"models: {cache.root}; MediaPipe: {folder}", highlight=False, soft_wrap=True)
