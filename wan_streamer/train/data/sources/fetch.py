"""Fetches sources into the cache and writes the manifests of those that have clips."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from wan_streamer.train.data.sources.atomic import replace_file
from wan_streamer.train.data.sources.cache import DataCache
from wan_streamer.train.data.sources.manifest import Manifest, make_manifest, read_manifest
from wan_streamer.train.data.sources.package import Package
from wan_streamer.train.data.sources.readers import Reader, readers
from wan_streamer.train.data.sources.recipes import Recipe

SECONDS_AN_HOUR = 3600


def manifest_path(cache: DataCache, source: str) -> Path:
    """Where the manifest of a source lies."""
    return cache.root / "manifests" / f"{source}.jsonl"


def fetch_sources(recipes: Sequence[Recipe], cache: DataCache, console: Console) -> dict[str, Manifest]:
    """Fetches what is not there yet; gives the manifests of the sources with clips.

    Raises:
        InvalidInput: something cannot be fetched, is not what was pinned, or is damaged. What came before it stays.
    """
    with Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=console) as progress:
        for package in (package for recipe in recipes for package in recipe.packages):
            _fetch(package, cache, progress)
    known = readers()
    return {
        recipe.name: _make(recipe, known[recipe.name], cache, console) for recipe in recipes if recipe.name in known
    }


def _fetch(package: Package, cache: DataCache, progress: Progress) -> None:
    state = "in the cache" if cache.has(package) else "fetching"
    task = progress.add_task(f"{package.name} {package.version} ({state})", total=package.size_bytes)
    cache.fetch(package, lambda count: progress.update(task, completed=min(count, package.size_bytes)))


def _make(recipe: Recipe, reader: Reader, cache: DataCache, console: Console) -> Manifest:
    def shown(indices: Sequence[int]) -> Iterator[int]:
        columns = (TextColumn(f"reading {recipe.name}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            yield from progress.track(indices)

    read = reader(recipe, cache, shown)
    path = manifest_path(cache, recipe.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, make_manifest(recipe, read.clips, read.rule, read.left_out))
    return read_manifest(path)


def show_sources(recipes: Sequence[Recipe], cache: DataCache, console: Console) -> None:
    """What can be fetched, its licences, and what is there."""
    for recipe in recipes:
        console.print(f"[bold]{recipe.name}[/]: {recipe.holds}", highlight=False, soft_wrap=True)
        for package in recipe.packages:
            state = "in the cache" if cache.has(package) else f"{package.size_bytes / 1e6:.1f} MB to fetch"
            line = f"  {package.index}: {package.name} {package.version}, {package.licence}, {state}"
            console.print(line, highlight=False, markup=False, soft_wrap=True)


def show_manifests(manifests: dict[str, Manifest], console: Console) -> None:
    """A table of what the fetched clips are."""
    table = Table("source", "split", "clips", "hours", "speakers", "dialogues")
    for source, manifest in manifests.items():
        for split, count in manifest.header["splits"].items():
            clips = manifest.split(split)
            table.add_row(
                source,
                split,
                f"{count['clips']}",
                f"{count['seconds'] / SECONDS_AN_HOUR:.2f}",
                f"{len({clip.speaker for clip in clips} - {''})}",
                f"{len({clip.dialogue for clip in clips})}",
            )
    console.print(table)
    for source, manifest in manifests.items():
        left_out = ", ".join(f"{count} {what}" for what, count in manifest.header["left_out"].items())
        console.print(
            f"{source}: left out {left_out}; manifest sha256 {manifest.sha256}", highlight=False, soft_wrap=True
        )
