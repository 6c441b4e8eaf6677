"""`python -m wan_streamer.train.data.sources.fetch_command`: what `wan-streamer data fetch` starts."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import tyro
from rich.console import Console

from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.fetch import fetch_sources, manifest_path, show_manifests, show_sources
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.data.sources.recipes import choose_recipes


@dataclass(frozen=True, kw_only=True)
class FetchOptions:
    """Fetch sources of training data into the cache."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Sources; all when none is named."""
    cache: Path = field(default_factory=default_root)
    """Folder of the cache."""
    list: bool = False
    """Only show what there is."""


def fetch(options: FetchOptions, console: Console) -> None:
    """Fetches, writes manifests and shows them.

    Raises:
        InvalidInput: a source is unknown, cannot be fetched or is damaged.
    """
    recipes, cache = choose_recipes(options.names), DataCache(options.cache)
    if options.list:
        show_sources(recipes, cache, console)
        return
    manifests = fetch_sources(recipes, cache, console)
    if manifests:
        show_manifests(manifests, console)
        console.print(f"manifests: {manifest_path(cache, '').parent}", highlight=False, soft_wrap=True)
    else:
        console.print(f"fetched into {cache.root}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(run_program(FetchOptions, fetch))
