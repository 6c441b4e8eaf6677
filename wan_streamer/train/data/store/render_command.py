"""`python -m wan_streamer.train.data.store.render_command`: what `wan-streamer data render` starts."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from rich.console import Console
from tyro.conf import arg

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.draw_options import DrawOptions
from wan_streamer.train.data.generate.split_list import split_list
from wan_streamer.train.data.generate.statistics import count_scripts
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.script_yaml import read_scripts
from wan_streamer.train.data.sources.cache import DataCache, default_root
from wan_streamer.train.data.sources.program import run_program
from wan_streamer.train.data.sources.recipes import all_recipes
from wan_streamer.train.data.store.data_set import write_manifest
from wan_streamer.train.data.store.render import Rendered, render
from wan_streamer.train.data.store.row import USER_BIT_RATE
from wan_streamer.unit import UNIT_US

US_AN_HOUR = 3_600_000_000


@dataclass(frozen=True, kw_only=True)
class RenderOptions(DrawOptions):
    """Make conversations: draw scripts, speak them, mix what the microphone hears, move the faces."""

    out: Annotated[Path, arg(aliases=["-o"], metavar="DIR")]
    """Directory of the data set; the same command goes on where an interrupted one stopped."""
    scripts: Annotated[Path | None, arg(metavar="PATH")] = None
    """A YAML file of scripts to make instead of drawing some."""
    user_bit_rate: int = USER_BIT_RATE
    """Bits a second of the microphone's Opus. Clients send PCM: 32000 is nearer to them, for 9 MB an hour more."""
    per_shard: int = 50
    """Conversations in a shard."""
    processes: int = 2
    """Conversations that are made at the same time."""
    cache: Path = field(default_factory=default_root)
    """Folder of the fetched sources; speech is kept there."""


def make(options: RenderOptions, console: Console) -> None:
    """Makes the data set and says how much it is and how long it took.

    Raises:
        InvalidInput: options, domain or scripts are wrong, a source is not fetched.
        OSError: a shard cannot be written.
    """
    if min(options.per_shard, options.processes) < 1:
        raise InvalidInput("got --per-shard or --processes below 1, expected 1 or more", reason="COUNT")
    drawn = _scripts(options)
    began = time.monotonic()
    rendered = render(
        drawn,
        options.out,
        DataCache(options.cache),
        options.agent,
        user_bit_rate=options.user_bit_rate,
        per_shard=options.per_shard,
        processes=options.processes,
        console=console,
    )
    write_manifest(options.out, _header(options, drawn, rendered), rendered.entries)
    _say(options, rendered, time.monotonic() - began, console)


def _scripts(options: RenderOptions) -> Sequence[Script]:
    if options.scripts is not None:
        return read_scripts(options.scripts)
    return list(options.generator().scripts(options.seed, options.count))


def _header(options: RenderOptions, scripts: Sequence[Script], rendered: Rendered) -> dict[str, Any]:
    """What the manifest says: enough to make it again, to keep out what is held out, and to name every licence."""
    counted = count_scripts(scripts, options.mixing, options.book, options.split_choice().phrasings)
    return {
        "domain": options.book.domain.name,
        "agent": options.agent.text,
        "seed": options.seed,
        "count": len(scripts),
        "user_bit_rate": options.user_bit_rate,
        "splits": asdict(options.split_choice()),
        "conversations": sum(len(entry.unit_counts) for entry in rendered.entries),
        "hours": round(_hours(sum(sum(entry.unit_counts) for entry in rendered.entries)), 4),
        "voices": sorted({visitor.voice for script in scripts for visitor in script.visitors}),
        "faces": sorted({visitor.face for script in scripts for visitor in script.visitors}),
        "situations": {share.name: share.drawn_count for share in counted.situations},
        "counts": dict(counted.counts),
        "left_out": rendered.left_out,
        "sources": [asdict(recipe) for recipe in all_recipes()],
        "kept_out_of_training": split_list(options.book, options.cast, options.mixing),
    }


def _say(options: RenderOptions, rendered: Rendered, seconds: float, console: Console) -> None:
    size = sum(entry.size_bytes for entry in rendered.entries)
    units = sum(sum(entry.unit_counts) for entry in rendered.entries)
    count = sum(len(entry.unit_counts) for entry in rendered.entries)
    lines = [
        f"{options.out}: {count} conversations, {_hours(units):.2f} hours, {size / 1e6:.1f} MB "
        f"({size / 1e6 / max(_hours(units), 1e-9):.1f} MB an hour)"
    ]
    if rendered.new_unit_count:
        speed = _hours(rendered.new_unit_count) / (seconds / 3600)
        lines.append(f"{speed:.0f} hours of conversation made in an hour by {options.processes} processes")
    if rendered.left_out:
        lines.append(f"{len(rendered.left_out)} scripts left out, see left_out in the manifest")
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _hours(units: int) -> float:
    return units * UNIT_US / US_AN_HOUR


if __name__ == "__main__":
    sys.exit(run_program(RenderOptions, make))
